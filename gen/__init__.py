"""Generators: parameters in, Verilog, measurements and reports out."""
