"""Compares millions of floating-point sums, differences and products of the hardware with NumPy's.

    python -m tests.arith.float_survey --pairs 20000000 --seed 1

Of each format half of the pairs are any two patterns, half are directed (see `float_pairs`); half are added, half are
subtracted, and all are multiplied. Ends with exit code 1 if any bit differs; NaNs need only be NaNs in NumPy.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from hw.arith import BF16, FP16, FP32
from sim.golden import arith as golden
from tests.arith.float_pairs import directed_pairs, every_pair, random_pairs, special_values
from tests.arith.float_simulation import compiled

FORMATS = {"fp16": FP16, "bf16": BF16, "fp32": FP32}
CHUNK = 500_000


def mismatches(form, run, a, b, subtract):
    """Masks of the wrong sums or differences, and of the wrong products."""
    o, p = run(a, b, subtract)
    expected = np.where(subtract, golden.float_subtract(a, b, form), golden.float_add(a, b, form))
    return o != expected, p != golden.float_multiply(a, b, form)


def chunks(form, pairs, rng):
    """All patterns of 16 bits with the special values, on both sides; then random and directed pairs."""
    special = special_values(form)
    if form.width == 16:
        for value in special:
            for subtract in (0, 1):
                a, b = every_pair(np.arange(1 << 16, dtype=np.uint32), [value])
                yield "corners", np.append(a, b), np.append(b, a), np.full(2 * len(a), subtract)
    for kind, make in (("random", random_pairs), ("directed", directed_pairs)):
        for start in range(0, pairs // 2, CHUNK):
            count = min(CHUNK, pairs // 2 - start)
            yield kind, *make(form, count, rng), rng.integers(0, 2, count)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=20_000_000, help="random and directed pairs of each format")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=list(FORMATS))
    arguments = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        runs = compiled([FORMATS[name] for name in arguments.formats], Path(folder))
        print(f"seed {arguments.seed}")
        for name in arguments.formats:
            form, rng = FORMATS[name], np.random.default_rng(arguments.seed)
            counts = {}
            for kind, a, b, subtract in chunks(form, arguments.pairs, rng):
                masks = mismatches(form, runs[form], a, b, subtract)
                row = counts.setdefault(kind, np.zeros(5, dtype=np.int64))
                row += [(subtract == 0).sum(), (subtract != 0).sum(), masks[0].sum(), len(a), masks[1].sum()]
                for operation, mask in zip(("sum", "product"), masks, strict=True):
                    for n in np.flatnonzero(mask)[:3]:
                        print(f"  wrong {operation}: {a[n]:#x} {b[n]:#x}" + " subtracted" * int(subtract[n]))
            for kind, (added, subtracted, wrong_sums, multiplied, wrong_products) in counts.items():
                print(f"{name} {kind}: {added} sums and {subtracted} differences, {wrong_sums} wrong; "
                      f"{multiplied} products, {wrong_products} wrong", flush=True)
                wrong += wrong_sums + wrong_products
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
