"""Where FLAASH does not agree with itself."""

__all__ = ["INCONSISTENCIES"]

#: Place, and what does not fit.
INCONSISTENCIES = (
    ("Table 3, fully connected layer", "The speed-ups of 23.1 and 85.3 for (3, 3, 1024) and (7, 7, 512) are about "
                                       "2,065 and 130 by the paper's own curves; only that of (10, 10, 100) agrees."),
    ("Headline", "The abstract's factor of 25 is one point of one curve against TensorFlow; the public model of the "
                 "same authors had claimed a factor of 1,000 against a library in Python."),
    ("Table 2, area", "An engine adds 0.008 mm² up to 8 engines and 0.074 mm² from 16 on, with a jump of 1.2 mm² "
                      "between; nothing says what was added."),
    ("Memory", "Ports of all engines read in the same cycle and never conflict, which no memory of the size does; its "
               "area is not explained."),
    ("Scaling", "Shapes (5, 5, 1000) and (3, 3, 1024) of the other figures fit no integer number of cycles a job, "
                "although (7, 7, 512) fits one within 2 %."),
    ("Empty fibers", "Jobs with an empty fiber are issued although their results are known, and set the floor at low "
                     "densities."),
)
