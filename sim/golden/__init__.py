"""Bit-exact NumPy models, named as the hardware they model."""
