"""Golden models, test benches and workloads."""
