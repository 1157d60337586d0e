"""The tops that exist, and how parameters are chosen for one."""

import dataclasses
import tomllib
from pathlib import Path

from gen.errors import ThresherError

__all__ = ["resolve", "tops"]

PRESETS = Path(__file__).parent / "presets"


def tops():
    """All tops by name.

    A top has `name`, `summary`, `parameters_class`, ``presets()``, ``build(parameters, target)``,
    ``describe(parameters)``, ``predict(parameters, options)`` and ``simulate(parameters, options)``.
    """
    from gen.tops.butterfly import ButterflyTop
    from gen.tops.flaash import FlaashTop
    from gen.tops.sofa import SofaTop

    return {top.name: top for top in (SofaTop(), ButterflyTop(), FlaashTop())}


def load_presets(name):
    """Presets of a top: name to parameters that differ from the defaults, from its TOML file."""
    with open(PRESETS / f"{name}.toml", "rb") as file:
        return tomllib.load(file)


def resolve(name, preset, config, sets):
    """Parameters of a top from a preset, a TOML file and ``key=value`` texts, the later over the earlier.

    Raises
    ------
    ThresherError
        Unknown preset or parameter, or a value that is not legal.
    """
    top = tops()[name]
    presets = top.presets()
    if preset not in presets:
        raise ThresherError(f"{name} has no preset {preset!r}; its presets are {', '.join(presets)}")
    values = dict(presets[preset])
    known = {field.name: field for field in dataclasses.fields(top.parameters_class)}
    if config is not None:
        try:
            with open(config, "rb") as file:
                values |= _known(tomllib.load(file), known, name, str(config))
        except tomllib.TOMLDecodeError as error:
            raise ThresherError(f"{config} is not TOML: {error}") from error
    for text in sets or ():
        key, separator, value = text.partition("=")
        if not separator:
            raise ThresherError(f"--set takes KEY=VALUE, not {text!r}")
        key = key.strip()
        _known({key: value}, known, name, "--set")
        values[key] = _value(known[key], value.strip())
    try:
        return top.parameters_class(**values)
    except (TypeError, ValueError) as error:
        raise ThresherError(f"{name}: {error}") from error


def _known(values, known, name, where):
    for key in values:
        if key not in known:
            raise ThresherError(f"{where}: {name} has no parameter {key!r}; it has {', '.join(known)}")
    return values


def _value(field, text):
    """Value of a ``key=value`` text, by the type of the parameter's default."""
    kind = type(field.default)
    if kind is bool:
        if text.lower() not in ("true", "false", "1", "0"):
            raise ThresherError(f"{field.name} must be true or false, not {text!r}")
        return text.lower() in ("true", "1")
    if kind is int:
        try:
            return int(text, 0)
        except ValueError as error:
            raise ThresherError(f"{field.name} must be an integer, not {text!r}") from error
    return text
