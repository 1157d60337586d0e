"""Queries, keys and values of `sofa` from tokens: projection on demand."""
