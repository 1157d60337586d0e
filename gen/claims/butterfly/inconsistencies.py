"""Where FABNet, its artifact and MLX do not agree with themselves or with each other."""

__all__ = ["INCONSISTENCIES"]

#: Place, and what does not fit.
INCONSISTENCIES = (
    ("Layout of the vector", "The artifact's RTL sums eight bits of the row for the number of the bank, which "
                             "conflicts at 4,096 points, the size that FABNet-Large's feed-forward network needs."),
    ("Weight buffer", "16 memories of 1,024 words hold the coefficients of at most 512 points; the networks need 1,024 "
                      "and 4,096."),
    ("Test vectors", "The generator of the Fourier test vectors drops the imaginary part of the twiddles, and mixes "
                     "gains of 1 and of one over the root of two: they are no Fourier transforms."),
    ("Latencies", "The artifact's projects for place and route give multiplication and addition latencies of 7 to 12 "
                  "cycles, its tested RTL 2 and 1: what was reported is not what was tested."),
    ("Performance model", "The transform along the sequence is counted with as many points as there are features, and "
                          "the last run of each layer is taken to be hidden by the next one."),
    ("Speed-up of MLX over FABNet-Large", "The ratios do not follow from the artifact's performance model; an open "
                                          "reproduction was off by up to 288 %."),
)
