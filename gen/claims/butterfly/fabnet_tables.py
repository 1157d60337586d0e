"""What the performance model of FABNet's artifact gives, at 200 MHz."""

__all__ = ["BANDWIDTH_MS", "BANDWIDTHS", "BANDWIDTH_TOKENS", "LATENCY_MS", "LAYER_CYCLES", "TOKENS"]

#: Lengths of sequences in the tables.
TOKENS = (128, 256, 512, 768, 1024)

#: Milliseconds of a sequence of each length; by board, engines and model.
LATENCY_MS = {
    ("VCU128", 120, "Base"): (1.997, 3.198, 5.602, 8.005, 10.409),
    ("VCU128", 120, "Large"): (3.994, 6.397, 11.204, 16.011, 20.817),
    ("VCU128", 128, "Base"): (1.644, 2.006, 4.427, 6.849, 9.270),
    ("VCU128", 128, "Large"): (3.289, 4.012, 8.855, 13.698, 18.540),
    ("Zynq 7045", 20, "Base"): (27.09, 53.76, 111.55, 169.34, 227.13),
    ("Zynq 7045", 20, "Large"): (54.18, 107.52, 223.10, 338.68, 454.26),
    ("Zynq 7045", 32, "Base"): (20.44, 46.60, 98.94, 151.27, 203.60),
    ("Zynq 7045", 32, "Large"): (40.88, 93.21, 197.87, 302.54, 407.20),
}

#: Cycles of a layer of Large with 120 engines on VCU128: both Fourier layers, up, down; by tokens.
LAYER_CYCLES = {
    128: (2560, 3200, 10240, 12288), 256: (5120, 6400, 15360, 18432), 512: (10240, 12800, 25600, 30720),
    1024: (20480, 25600, 46080, 55296),
}

#: Bandwidth study: bits a cycle of each of data in, coefficients and data out, and milliseconds of Large at each for
#: `BANDWIDTH_TOKENS` tokens; by engines.
BANDWIDTHS = (64, 128, 256, 512, 1024, 2048)
BANDWIDTH_TOKENS = 1024
BANDWIDTH_MS = {
    16: (560, 286, 154, 142, 142, 142), 64: (425, 214, 109, 57, 37, 35), 128: (400, 201, 102, 52, 27, 18),
}
