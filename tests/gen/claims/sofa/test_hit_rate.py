import numpy as np
import pytest

from gen.claims.sofa.hit_rate import SHARES, hit_rates, predicted, ranks


def test_hit_rates_by_brute_force():
    draw = np.random.default_rng(1)
    exact, scores = draw.normal(size=(2, 7, 40))
    expected = []
    for share in SHARES:
        kept = round(share * 40)
        hits = [len(set(np.argsort(-a)[:kept]) & set(np.argsort(-b)[:kept])) / kept
                for a, b in zip(exact, scores, strict=True)]
        expected.append(100 * np.mean(hits))
    assert hit_rates(scores, ranks(exact)) == pytest.approx(expected)
    assert hit_rates(exact, ranks(exact)) == pytest.approx([100] * len(SHARES))


def snap(value):
    value = int(value)
    return 0 if value == 0 else (1 if value > 0 else -1) << (abs(value).bit_length() - 1)


def test_predictors_are_sums_of_shifts():
    draw = np.random.default_rng(2)
    # Integers that use their range exactly, so that rounding leaves them as they are.
    x, wk = (draw.integers(-127, 128, shape) for shape in ((5, 6), (6, 3)))
    q, k = (draw.integers(-32767, 32768, shape) for shape in ((4, 3), (5, 3)))
    x[0, 0] = wk[0, 0] = 127
    q[0, 0] = k[0, 0] = 32767
    scores = predicted(x, wk, q, k)
    guess = [[sum(int(a) * snap(b) for a, b in zip(row, column, strict=True)) for column in wk.T] for row in x]
    drop = max(0, max(abs(value) for row in guess for value in row).bit_length() - 15)
    for row, query in enumerate(q):
        for column in range(5):
            assert scores["two_phase"][row, column] == sum(
                snap(a) * (b >> drop) for a, b in zip(query, guess[column], strict=True))
            pairs = [(int(a), int(b)) for a, b in zip(query, k[column], strict=True)]
            assert scores["snapped_query"][row, column] == sum(snap(a) * b for a, b in pairs)
            assert scores["snapped_key"][row, column] == sum(a * snap(b) for a, b in pairs)
