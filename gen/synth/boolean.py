"""Boolean expressions of Liberty files."""

import re

from gen.errors import ThresherError

__all__ = ["compile_function"]


def compile_function(function, inputs):
    """A Python function that computes a Boolean expression of Liberty on many bits at once.

    ``!`` or a postfix ``'`` binds tightest, then ``^``, then ``*``, ``&`` or a blank, then ``+`` or ``|``.

    Parameters
    ----------
    function : str
    inputs : sequence of str
        Names in it.

    Returns
    -------
    callable
        Of a mask of all bits and an integer for each input.

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If the expression is malformed or has other names.
    """
    tokens = re.findall(r"[A-Za-z_]\w*|[01!'^*&+|()]", function)

    def factor():
        token = tokens.pop(0)
        if token == "!":
            text = f"(~{factor()})"
        elif token == "(":
            text = f"({either()})"
            tokens.pop(0)
        elif token in "01":
            text = "mask" if token == "1" else "0"
        else:
            text = f"i{inputs.index(token)}"
        while tokens and tokens[0] == "'":
            tokens.pop(0)
            text = f"(~{text})"
        return text

    def chain(operand, symbols, operator):
        text = operand()
        while tokens and (tokens[0] in symbols or (operator == "&" and tokens[0] not in "+|)^")):
            if tokens[0] in symbols:
                tokens.pop(0)
            text = f"({text} {operator} {operand()})"
        return text

    def exclusive():
        return chain(factor, "^", "^")

    def both():
        return chain(exclusive, "*&", "&")

    def either():
        return chain(both, "+|", "|")

    try:
        text = either()
    except (IndexError, ValueError):
        tokens.append("?")
    if tokens:
        raise ThresherError(f"The Liberty file has a function that cannot be read: {function!r}.")
    # Only names i0, i1, ... and operators are in the text.
    return eval(f"lambda mask, {', '.join(f'i{number}' for number in range(len(inputs)))}: ({text}) & mask")
