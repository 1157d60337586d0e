"""Files .csfbin: their bytes by hand, there and back, and cut off at every place."""

import struct

import numpy as np
import pytest

from sim.golden.flaash import FiberError, FiberTensor
from sim.host.flaash import csfbin_bytes, parse_csfbin, read_csfbin, write_csfbin


def by_hand(order=2, lengths=(2, 11), nnz=3, entries=((1, 0.5), (10, -2.0), (3, 1e-40)), pointers=(0, 2, 3)):
    return (struct.pack(f"<{2 + len(lengths)}I", order, *lengths, nnz)
            + b"".join(struct.pack("<if", *entry) for entry in entries)
            + struct.pack(f"<{1 + len(pointers)}I", len(pointers), *pointers))


def test_bytes_by_hand(tmp_path):
    tensor = FiberTensor((2, 11), [0, 2, 3], [1, 10, 3], np.array([0.5, -2, 1e-40], dtype=np.float32))
    assert csfbin_bytes(tensor) == by_hand()
    write_csfbin(tmp_path / "a.csfbin", tensor)
    assert (tmp_path / "a.csfbin").read_bytes() == by_hand()
    again = read_csfbin(tmp_path / "a.csfbin")
    assert again.shape == (2, 11) and again.values.dtype == np.float32
    assert (again.to_dense() == tensor.to_dense()).all()


@pytest.mark.parametrize("shape, density", [((7,), 0.5), ((1, 1), 0), ((3, 1, 4, 1, 2, 1, 2, 5), 0.3), ((5, 11), 1)])
def test_there_and_back(shape, density):
    generator = np.random.default_rng(4)
    bits = generator.integers(0, 1 << 32, shape, dtype=np.uint32)            # of all numbers, NaN and its bits too
    values = np.where(generator.random(shape) < density, bits, 0).astype(np.uint32).view(np.float32)
    tensor = FiberTensor.from_dense(values)
    again = parse_csfbin(csfbin_bytes(tensor))
    assert again.shape == shape and csfbin_bytes(again) == csfbin_bytes(tensor)
    assert (again.values.view(np.uint32) == tensor.values.view(np.uint32)).all()


@pytest.mark.parametrize("value", [2**24 + 1, 2**31 - 1])
def test_integers_that_single_precision_does_not_hold(value, tmp_path):
    with pytest.raises(FiberError, match=f"value 1 is {value}, which the fp32"):
        write_csfbin(tmp_path / "a", FiberTensor((3,), [0, 2], [0, 1], np.array([7, value], dtype=np.int32)))
    assert not (tmp_path / "a").exists()
    assert parse_csfbin(csfbin_bytes(FiberTensor((3,), [0, 1], [0], np.array([2**24])))).values[0] == 2**24


def test_cut_off_anywhere():
    whole = by_hand()
    for length in range(len(whole)):
        with pytest.raises(FiberError, match=f"ends at byte {length}, within its (order|lengths|number|entries|poi)"):
            parse_csfbin(whole[:length])


@pytest.mark.parametrize("data, message", [
    (by_hand() + b"\0", "should end at byte 56, but has 57 bytes"),
    (by_hand(order=9, lengths=(1,) * 9), r"has order 9 at byte 0, not 1\.\.8"),
    (by_hand(order=0), "has order 0 at byte 0"),
    (by_hand(nnz=1 << 31), "within its entries, which take 17179869184 bytes from byte 16 on"),
    (by_hand(pointers=(0, 3, 2)), "fiber pointer 2 decreases"),
    (by_hand(pointers=(0, 4, 4)), "fiber pointer 1 is 4, beyond the 3 entries"),
    (by_hand(pointers=(0, 3)), "needs 3 fiber pointers"),
    (by_hand(entries=((1, 1), (1, 1), (0, 1))), "entry 1, in fiber 0, has index 1 again"),
    (by_hand(entries=((1, 1), (11, 1), (0, 1))), "entry 1, in fiber 0, has index 11"),
    (by_hand(entries=((-1, 1), (1, 1), (0, 1))), "entry 0, in fiber 0, has index -1"),
], ids=range(10))
def test_refused(data, message, tmp_path):
    (tmp_path / "a.csfbin").write_bytes(data)
    with pytest.raises(FiberError, match=rf"a\.csfbin: .*{message}"):
        read_csfbin(tmp_path / "a.csfbin")
