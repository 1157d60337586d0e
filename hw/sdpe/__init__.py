"""Sparse dot product engines: memory, loaders, intersection, accumulation, dispatch."""
