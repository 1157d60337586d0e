"""Figures of MLX (ISCA 2026), the successor of Multilayer Dataflow, by the same first author.

Utilisations and scalings are read off figures by others, who give an error of 0.02 for the utilisations.
"""

__all__ = ["AREA_LUT_FF_DSP", "LAUNCH_OVERHEAD", "PART_SPEED_UPS", "POWER_W", "SCALING", "SCALING_TOKENS", "SIZES",
           "SPEED_UP_OVER_FABNET", "UTILISATION", "UTILISATION_ERROR"]

#: Sizes of a transform in the figure.
SIZES = (64, 128, 256, 512, 1024, 2048, 4096, 8192)

#: Utilisation of the processing elements, digitised: butterfly matrices, and chunked Fourier transforms.
UTILISATION = {
    "bpmm": (.81, .85, .86, .83, .84, .86, .87, .85),
    "fft": (.84, .91, .93, .94, .89, .91, .92, .91),
}
UTILISATION_ERROR = 0.02

#: Share of time for launching a kernel, at most: of small ones, of large ones.
LAUNCH_OVERHEAD = (0.17, 0.12)

#: Speed-up of a whole network over FABNet-Large at an equal peak of 256 GOPS, by tokens; printed in the paper.
SPEED_UP_OVER_FABNET = {128: 1.28, 256: 1.19, 512: 1.30, 1024: 1.20}

#: Ranges of the same for the parts: two-dimensional Fourier transform, feed-forward network.
PART_SPEED_UPS = {"fft": (1.11, 1.23), "bpmm": (1.21, 1.31)}

#: On the FPGA: tables, flip-flops and multipliers, of MLX and of FABNet; power of FABNet in watts.
AREA_LUT_FF_DSP = {"MLX": (410_000, 620_000, 512), "FABNet": (358_000, 536_000, 640)}
POWER_W = {"FABNet": 11.35}

#: Speed-up of larger arrays over 4 x 4 elements of 8 lanes, a transformer block of 512 features, batch 8; digitised.
SCALING_TOKENS = (512, 1024, 2048, 4096, 8192)
SCALING = {
    "8 x 8, 8 lanes": (3.62, 3.70, 3.78, 3.50, 3.29),
    "8 x 8, 32 lanes": (14.1, 14.5, 14.9, 13.7, 12.8),
}
