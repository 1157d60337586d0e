"""Amaranth components of Thresher: stream parts, arithmetic and engines."""
