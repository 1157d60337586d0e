"""cocotb side of a simulation: bus partners, checks, and the test that `sim.runner` starts."""
