import numpy as np

from gen.claims.butterfly import mlx_tables
from gen.claims.butterfly.arithmetic import (
    accuracy_of_the_formats,
    conflicts_of_the_banks,
    passes_of_a_long_transform,
    twiddles_of_the_format,
)


def test_claims_that_need_no_hardware_hold():
    for rows, count in ((conflicts_of_the_banks, 5), (passes_of_a_long_transform, 2), (twiddles_of_the_format, 2),
                        (accuracy_of_the_formats, 6)):
        claims = list(rows(None))
        assert len(claims) == count
        assert all(claim.holds for claim in claims), [claim for claim in claims if not claim.holds]


def test_formats_are_told_apart():
    errors = {claim.claim.split(" in ")[1].split(",")[0]: np.array(claim.ours) for claim in
              accuracy_of_the_formats(None) if " fft " in claim.claim}
    assert (errors["bf16"] > 4 * errors["fp16"]).all() and (errors["fp16"] > errors["fixed16"]).all()


def test_tables_of_mlx():
    assert all(len(row) == len(mlx_tables.SIZES) for row in mlx_tables.UTILISATION.values())
    assert all(len(row) == len(mlx_tables.SCALING_TOKENS) for row in mlx_tables.SCALING.values())
    # Digitised points agree with what the text says: about 90 %, and close to the gain of lanes and elements.
    assert abs(np.mean(list(mlx_tables.UTILISATION.values())) - 0.9) < 0.03
    assert max(mlx_tables.SCALING["8 x 8, 32 lanes"]) < 16
