"""`thresher workload`: tensors to run, written as `.npz`."""

from pathlib import Path
from typing import Annotated

import typer

from gen.cli.output import out
from gen.errors import ThresherError

app = typer.Typer(no_args_is_help=True,
                  help="Make tensors to run: a real transformer's, random ones, or a shipped case.")

Output = Annotated[Path, typer.Option(
    "--output", "-o", metavar="OUT.npz", show_default=False, help="The file to write.")]

Values = Annotated[str, typer.Option(metavar="FORMAT", help="int8, int16 or fp32.")]


def save(path, case):
    """Write the arrays to an `.npz` and say what they are."""
    import numpy as np

    if path.suffix != ".npz":
        raise ThresherError(f"The output file must end in .npz, not {path.name!r}")
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **case)
    shapes = ", ".join(f"{name} {'×'.join(map(str, array.shape))}" for name, array in case.items())
    out().print(f"{path}: {shapes}", soft_wrap=True)


def save_contraction(path, contraction):
    """Write the arrays of a contraction and say how they are contracted."""
    case, einsum = contraction
    save(path, case)
    out().print(f'contract them with --einsum "{einsum}"', soft_wrap=True)


def shape_of(text):
    """Lengths of modes, which a comma separates."""
    try:
        return tuple(int(length) for length in text.split(","))
    except ValueError:
        raise ThresherError(f"A shape must be lengths such as 7,7,512, not {text!r}") from None


@app.command("minilm")
def minilm(
    output: Output,
    text: Annotated[Path | None, typer.Option(
        metavar="FILE", show_default=False,
        help="Natural language, UTF-8; without it, an article of 1,024 tokens that comes along.")] = None,
    layer: Annotated[int, typer.Option(
        metavar="L", help="Encoder layer, 0 to 5.")] = 0,
    head: Annotated[str, typer.Option(
        metavar="H", help="Head, 0 to 11, or `all`.")] = "0",
    tokens: Annotated[int | None, typer.Option(
        metavar="N", show_default=False,
        help="Cut the text to this many tokens, 3 to 512; without it, as long as it is, up to 512.")] = None,
):
    """The attention of MiniLM-L6-v2 on a text: x, projections, q, k and v of one head or all."""
    from sim.workloads import attention_inputs, head_case, technical_text

    if head != "all" and not head.isdecimal():
        raise ThresherError(f"--head must be an integer in 0..11 or all, not {head!r}")
    try:
        words = technical_text() if text is None else text.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ThresherError(f"The text {text} cannot be read: {error}") from error
    save(output, attention_inputs(words, layer, tokens) if head == "all"
         else head_case(words, layer, int(head), tokens))


@app.command("sparse")
def sparse(
    output: Output,
    a_shape: Annotated[str, typer.Option(metavar="N,N,…", help="Lengths of the modes of a.")] = "7,7,512",
    b_shape: Annotated[str | None, typer.Option(
        metavar="N,N,…", show_default=False, help="Of b; as a when not given.")] = None,
    density: Annotated[float, typer.Option(help="Share of the places that have entries.")] = 0.1,
    values: Values = "int8",
    seed: Annotated[int, typer.Option(help="Same seed, same tensors.")] = 0,
):
    """Random sparse tensors, whose last modes are to be contracted."""
    from sim.workloads import contraction_case

    save_contraction(output, contraction_case(shape_of(a_shape), shape_of(b_shape or a_shape), density, form=values,
                                              seed=seed))


@app.command("pruned")
def pruned(
    output: Output,
    layer: Annotated[int, typer.Option(metavar="L", help="Encoder layer, 0 to 5.")] = 0,
    role: Annotated[str, typer.Option(
        metavar="NAME", help="Dense layer: query, key, value, output, up or down.")] = "query",
    tokens: Annotated[int | None, typer.Option(
        metavar="N", show_default=False, help="How many of the text; without it, 512.")] = None,
    density: Annotated[float, typer.Option(help="Share that stays of the weights.")] = 0.1,
    input_density: Annotated[float, typer.Option(help="Share that stays of the inputs.")] = 1.0,
    values: Values = "int16",
):
    """A dense layer of MiniLM-L6-v2, pruned by magnitude, and its inputs in a text."""
    from sim.workloads import pruned_layer_case, technical_text

    save_contraction(output, pruned_layer_case(technical_text(), layer, role, tokens, density=density,
                                               input_density=input_density, form=values))


@app.command("words")
def words(
    output: Output,
    reach: Annotated[int, typer.Option(help="Largest distance of two words.")] = 4,
    density: Annotated[float, typer.Option(help="Share that stays of the embeddings.")] = 0.1,
    values: Values = "int16",
):
    """How often words of a text stand together, a tensor of order 3, and their embeddings."""
    from sim.workloads import co_occurrence_case, technical_text

    save_contraction(output, co_occurrence_case(technical_text(), reach=reach, density=density, form=values))


@app.command("digits")
def digits(
    output: Output,
    images: Annotated[int | None, typer.Option(
        metavar="N", show_default=False, help="How many images, 1 to 897; without it, all.")] = None,
    values: Values = "int8",
):
    """Images of handwritten digits, a tensor of order 3, and the average image of each digit."""
    from sim.workloads import digits_case

    case, einsum, _ = digits_case(images, form=values)
    save_contraction(output, (case, einsum))


@app.command("synthetic")
def synthetic(
    output: Output,
    queries: Annotated[int, typer.Option(help="Number of queries.")] = 64,
    keys: Annotated[int, typer.Option(help="Number of keys.")] = 64,
    dimension: Annotated[int, typer.Option(help="Length of queries and keys.")] = 16,
    value_dimension: Annotated[int | None, typer.Option(
        show_default=False, help="Length of values; as keys when not given.")] = None,
    heads: Annotated[int | None, typer.Option(
        show_default=False, help="Number of heads; without it there is no head axis.")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same tensors.")] = 0,
    sharpness: Annotated[float, typer.Option(help="Standard deviation of the scores.")] = 1.0,
):
    """Random q, k and v."""
    from sim.workloads import attention_case

    save(output, attention_case(queries, keys, dimension, value_dimension=value_dimension, heads=heads,
                                seed=seed, sharpness=sharpness))


@app.command("shipped")
def shipped(
    name: Annotated[str, typer.Argument(
        show_default=False, help="local, diffuse (q, k, v of a real head), tokens, butterfly or flaash.")],
    output: Output,
):
    """A small real case that needs no model."""
    from sim.workloads import shipped as load

    save(output, load(name))
