"""The `flaash` engine: a cluster of sparse dot product engines."""
