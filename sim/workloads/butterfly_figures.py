"""How well butterflies stand for dense layers of MiniLM: ``python -m sim.workloads.butterfly_figures``."""

import argparse

import numpy as np

from .butterfly import ROLES, dense_layer, roles_input
from .butterfly_fit import fit_butterflies
from .minilm import MAX_TOKENS, load_model
from .text import technical_text

__all__ = ["figures", "low_rank"]


def low_rank(matrix, covariance, rank):
    """The matrix of that rank whose outputs are nearest, over inputs of that covariance."""
    values, vectors = np.linalg.eigh(covariance)
    left, _, _ = np.linalg.svd(matrix @ (vectors * np.sqrt(np.maximum(values, 0))))
    return left[:, :rank] @ left[:, :rank].T @ matrix


def two_texts(model, text):
    """Ids of two sequences of up to 512 tokens from the first and the second part of a text."""
    start, *body, end = model.tokenizer.encode(text).ids
    half = min(len(body) // 2, MAX_TOKENS - 2)
    return [np.array([start, *part, end]) for part in (body[:half], body[half:2 * half])]


def figures(layer, role, *, terms=1, sweeps=10, text=None):
    """Errors of fits of one dense layer, relative root mean squares.

    Parameters
    ----------
    layer : int
    role : str
        Of `ROLES`; the first 512 outputs of ``up``.
    terms, sweeps : int
        See `fit_butterflies`.
    text : str, optional
        Its first half is fitted to, the second is held out.

    Returns
    -------
    list of dict
        ``fit``: ``matrix``, ``activations``, or ``low rank``, the matrix of low rank that has no more parameters and is
        the best for the activations; ``parameters``; and errors ``on_matrix``, ``on_activations``, ``on_held_out``.
    """
    model = load_model()
    fitted, held_out = (roles_input(model, ids, layer, role).astype(np.float64)
                        for ids in two_texts(model, technical_text() if text is None else text))
    weight = dense_layer(layer, role)[0].astype(np.float64)
    points = 1 << (weight.shape[1] - 1).bit_length()
    weight = weight[:points]
    rows = []

    def add(name, matrix, parameters):
        difference = weight - matrix
        rows.append({"fit": name, "parameters": parameters,
                     "on_matrix": float(np.linalg.norm(difference) / np.linalg.norm(weight)),
                     **{key: float(np.linalg.norm(x @ difference.T) / np.linalg.norm(x @ weight.T))
                        for key, x in (("on_activations", fitted), ("on_held_out", held_out))}})

    for name, activations in (("matrix", None), ("activations", fitted)):
        fit = fit_butterflies(weight, activations=activations, terms=terms, sweeps=sweeps)
        add(name, fit.matrix, fit.parameters)
    rank = fit.parameters // sum(weight.shape)
    add("low rank", low_rank(weight, fitted.T @ fitted / len(fitted), rank), rank * sum(weight.shape))
    return rows


def main():
    """Print the figures of some dense layers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layer", type=int, default=2)
    parser.add_argument("--role", choices=[role for role in ROLES if role != "down"], default="query",
                        help="of up, its first 512 outputs")
    parser.add_argument("--terms", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--sweeps", type=int, default=10)
    arguments = parser.parse_args()
    print("fitted to    terms  parameters  matrix  activations  held out")
    for terms in arguments.terms:
        for row in figures(arguments.layer, arguments.role, terms=terms, sweeps=arguments.sweeps):
            print(f"{row['fit']:<12} {terms:5}  {row['parameters']:10,}  {row['on_matrix']:6.3f}  "
                  f"{row['on_activations']:11.3f}  {row['on_held_out']:8.3f}")


if __name__ == "__main__":
    main()
