"""Where the SOFA paper does not agree with itself."""

__all__ = ["INCONSISTENCIES"]

#: Place in the paper, and what does not fit.
INCONSISTENCIES = (
    ("Table II", "The throughput of 24,423 GOPS is tagged with 0 % loss. With 1,024 multipliers at 1 GHz, the mean "
                 "utilisation of 85.2 % and the work that is left, it is that of 2 % loss; at 0 % it would be 9,331."),
    ("Table II", "A note says that frequency scales with the square of the technology, but throughput is not scaled "
                 "when efficiencies are normalised."),
    ("Abstract and Table II", "The energy efficiency of 15.8 times eight accelerators is the mean over those four that "
                              "have a figure for the interface; over the core power of all eight it is 13.0 times. "
                              "Area and latency are means over all eight."),
    ("Fig. 10(b)", "The printed procedure never rescales the outputs when the maximum moves between tiles, and uses l "
                   "and o both as running sums and as sums of one tile. It is right only if all tiles have the same "
                   "maximum. Section IV-D describes a running maximum, which is right."),
    ("Fig. 10(a)", "The savings of 25 % over FlashAttention and 11 % over the ascending update cannot both come from "
                   "the operations of the figure unless an exponential costs about a quarter of an addition."),
    ("Eq. (1a) to (1c)", "The same quantity is LZ in the first equation and LO in the others, and dropping the "
                         "mantissa as Eq. (1c) does shifts by one more than the worked example of Fig. 7(c)."),
    ("Clipping unit", "The threshold starts at 0 and clipped scores are replaced by 0, which is right for positive "
                      "scores only; predicted scores are signed."),
    ("Fig. 15", "24 vectors are given for the order without the schedule; the masks of the figure need 22, as key 5 is "
                "not used in its second phase."),
    ("Section III-B", "Rows of Type I are 25 % and those of Type II 76 % on average, which is more than all rows; the "
                      "two means must be over different models."),
    ("Text on operations", "Counts are given as 10^11 and 10^8 in one place and as 2^11 and 2^10 in another."),
    ("Workloads", "Bloom has 1.7 billion parameters in one place and 1.3 billion in another."),
    ("Workloads", "PVT has 3,192 tokens; its first stage has 56 × 56 = 3,136."),
    ("Design space", "The space is said to have 26 dimensions; its 10^15 points are those of a tile for each of 12 "
                     "layers and one share of kept keys, 16^12 × 10 = 2.8 × 10^15."),
    ("Energy breakdown", "The gains of the engines, 2.48, 2.1 and 3.27 times, multiply to 17.0, which the software "
                         "would have to raise to 71.5."),
)
