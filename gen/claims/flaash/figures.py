"""Values of FLAASH's figures and tables; those of figures are digitised, within 2 %."""

__all__ = ["DENSITIES", "DENSITY_CURVES", "ENGINES", "MERGE_UTILISATION", "ORDERS", "ORDER_CURVE", "SCALING", "SHAPE",
           "SPEED_UPS", "VOLUME_CURVES", "VOLUME_LENGTHS"]

#: Shape of both tensors of the figure on the number of engines; densities; engines.
SHAPE = (7, 7, 512)
DENSITIES = (0.1, 0.05, 0.005)
ENGINES = (1, 2, 4, 8, 16, 32)

#: Thousands of cycles (microseconds at 1 GHz) by density, for each number of engines.
SCALING = {
    0.1: (231.7, 116.6, 59.5, 30.0, 15.8, 8.9),
    0.05: (117.5, 59.5, 30.4, 15.8, 8.6, 5.1),
    0.005: (9.8, 5.7, 3.7, 2.7, 2.6, 2.4),
}

#: Multiply-accumulates over steps of a merge of one pair a cycle, by density; derived.
MERGE_UTILISATION = {0.1: 0.053, 0.05: 0.026, 0.005: 0.004}

#: Entries of each fiber: time at lengths of the contracted mode, over that of 70 entries at 700.
VOLUME_LENGTHS = (100, 700)
VOLUME_CURVES = {30: (0.40, 0.455), 50: (0.58, 0.735), 70: (0.705, 1.0)}

#: Orders of tensors 3 x 3 x .. x 512 of 700 entries: time over that of order 6.
ORDERS = (2, 3, 4, 5, 6)
ORDER_CURVE = (0.063, 0.105, 0.195, 0.44, 1.0)

#: Tensor contraction layer: microseconds at densities in percent, by shape.
DENSITY_CURVES = {
    (3, 3, 1024): {0.5: 1.21, 1: 1.34, 2: 1.50, 3: 1.58, 4: 1.51, 5: 1.60},
    (7, 7, 512): {0.5: 6.88, 1: 9.25, 2: 10.2, 3: 10.6, 4: 11.1, 5: 11.3},
    (10, 10, 100): {0.5: 2.37, 1: 3.20, 2: 4.50, 3: 5.18, 4: 5.62, 5: 6.05},
}

#: Average speed-up over PyTorch's contraction layer, by shape.
SPEED_UPS = {(3, 3, 1024): 24.5, (7, 7, 512): 5.26, (10, 10, 100): 10.3}
