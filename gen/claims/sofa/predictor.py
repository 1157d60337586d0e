"""Differential leading-zero summation (DLZS): one operand of a product becomes a shift."""

import numpy as np
from amaranth.sim import Simulator

from gen.claims.claim import between, claims, equal, near
from hw.arith import LeadingZeroEncoder, LogCode
from sim.golden.arith import leading_zeros
from sim.golden.predictor import dlzs
from sim.golden.sorter import extract
from sim.host.quantise import Selection, plan_head
from sim.workloads import shipped

FIGURE_7C = "Fig. 7(c)"
TILE = 16


def snapped(x, width):
    """The power of two at or below each number, with its sign."""
    return dlzs(1, x, width)


@claims("III-A", "exact")
def worked_example_of_the_leading_zero_product(evidence):
    x, y, width = 24, 6, 8
    one = int(dlzs(x, y, width))
    both = int(snapped(x, width) * snapped(y, width))
    yield equal("24 × 6 with one operand snapped", FIGURE_7C, 96, one)
    yield equal("24 × 6 with both operands snapped", FIGURE_7C, 64, both)
    yield equal("error of 24 × 6, one and both operands snapped", FIGURE_7C, [48, 80], [x * y - one, x * y - both])
    numbers = np.arange(-127, 128)
    zeros = np.concatenate([dlzs(0, numbers, width), dlzs(numbers, 0, width)])
    yield equal("products with a zero operand that are not 0, all 8-bit numbers", "zero-eliminator", 0,
                int(np.count_nonzero(zeros)))
    # The sign, and an exponent whose last code means zero.
    yield equal("bits of the code of an 8-bit weight and of a 16-bit query", "width of the codes", [4, 5],
                [1 + LogCode(width).exponent_width for width in (8, 16)], "bits")


@claims("III-A", "exact")
def literal_reading_of_equation_1c(evidence):
    """Dropping the mantissa altogether shifts by W - LZ, one more than the worked example does."""
    arrays = tuple(shipped("local")[role] for role in "qkv")
    head, _ = plan_head(*arrays, Selection(), evidence.parameters)
    queries, keys = head.queries[:, None, :], head.keys[None, :, :]
    shift = 16 - leading_zeros(np.abs(queries), 16)
    literal = (np.sign(queries) * (keys << shift)).sum(axis=2)
    # As `extract` wants them: unsigned, and 0 is no key.
    ours, theirs = (scores - scores.min() + 1 for scores in (snapped(head.queries, 16) @ head.keys.T, literal))
    lists = [[extract(scores[:, first:first + TILE], 4, TILE)[0] for first in range(0, len(head.keys), TILE)]
             for scores in (ours, theirs)]
    differ = np.not_equal(*lists).any(axis=2)
    yield between("sorted lists that change when Eq. (1c) is read as a shift by W - LZ", "Eq. (1c)", None,
                  int(differ.sum()), f"of {differ.size} lists", high=0,
                  note="Fig. 7(c) shifts by one less; all scores double, so that every order is the same")


@claims("III-A", "exact")
def error_of_a_product_of_8_bit_magnitudes(evidence):
    x, y = np.meshgrid(np.arange(256), np.arange(256))
    exact, snap = x * y, dlzs(x, y, 16)
    relative = np.abs(exact - snap) / np.maximum(exact, 1)
    place = "not the paper's value but that of the public re-implementation dlzs-am"
    half_digit = 5e-6
    yield near("mean relative error of 8-bit products, both operands not 0", place, 0.29855, relative[exact > 0].mean(),
               "", half_digit, "mostly a common factor, which no order depends on")
    yield near("mean relative error of all 65,536 8-bit products", place, 0.29622, relative.mean(), "", half_digit)
    yield near("largest relative error of an 8-bit product", place, 0.498, relative.max(), "", 5e-4)
    yield near("share of 8-bit products that are not exact", place, 0.96107, np.mean(exact != snap), "", half_digit)


@claims("III-A", "exact")
def relative_variance_of_a_product(evidence):
    numbers = np.arange(1, 128)
    ratio = snapped(numbers, 8) / numbers

    def variance(ratios):
        return ratios.var() / ratios.mean() ** 2

    yield between("variance of a product, one operand snapped over both", "half the error", 0.5,
                  variance(ratio) / variance(np.outer(ratio, ratio)), "", 0.45, 0.55,
                  "after the common factor is removed; all products of 8-bit magnitudes")


def encoder_outputs(inputs):
    """Counts and zero flags of the encoder in Amaranth's simulator: array (outputs, inputs)."""
    dut = LeadingZeroEncoder()
    outputs = [field for part in (dut.high, dut.low, dut.wide) for field in (part.count, part.zero)]
    rows = []

    async def testbench(ctx):
        for value in inputs:
            ctx.set(dut.i, int(value))
            await ctx.tick().repeat(dut.latency)
            rows.append([ctx.get(output) for output in outputs])

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    return np.array(rows).T


def right_codes(inputs):
    """Inputs for which the encoder gives the leading zeros of 16 bits and of both halves, from the definition."""
    high, high_zero, low, low_zero, wide, wide_zero = encoder_outputs(inputs)

    def zeros(values, width):
        return np.array([min(width - int(value).bit_length(), width - 1) for value in values])

    right = (high == zeros(inputs >> 8, 8)) & (low == zeros(inputs & 255, 8)) & (wide == zeros(inputs, 16))
    right &= (high_zero == (inputs >> 8 == 0)) & (low_zero == (inputs & 255 == 0)) & (wide_zero == (inputs == 0))
    # The selection between the halves that the figure draws.
    composed = np.where(high_zero, 8 + low, high)
    return int((right & (wide == composed) & (wide_zero == high_zero & low_zero)).sum())


@claims("IV", "exact")
def leading_zero_encoder_of_two_8_bit_counters(evidence):
    inputs = np.arange(1 << 16)
    yield equal("inputs for which two 8-bit counters give the count of 16 bits, and each its own", "Fig. 12",
                len(inputs), right_codes(inputs), f"of {len(inputs):,} inputs", "the component in Amaranth's simulator")
