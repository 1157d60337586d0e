"""Clock, power and energy of a design as gates."""

from gen.power.power import power

__all__ = ["power"]
