import dataclasses

import ml_dtypes
import numpy as np
import pytest

from hw.arith import BF16, FP16, FP32, FloatFormat


@pytest.mark.parametrize("form, dtype", [(FP16, np.float16), (BF16, ml_dtypes.bfloat16), (FP32, np.float32)])
def test_is_the_format_of_numpy(form, dtype):
    info = ml_dtypes.finfo(dtype)
    assert (form.width, form.exponent, form.mantissa) == (info.bits, info.nexp, info.nmant)
    bits = np.array([form.bias << form.mantissa, form.infinity, form.nan]).astype(f"u{form.width // 8}")
    one, infinity, nan = bits.view(dtype)
    assert one == 1 and infinity == np.inf and np.isnan(nan)
    assert form.infinity - 1 == int(np.array(info.max).view(bits.dtype))


def test_fields_from_the_low_bit():
    assert [(name, field.offset, field.width) for name, field in FP16.layout] == [
        ("mantissa", 0, 10), ("exponent", 10, 5), ("sign", 15, 1)]


def test_is_a_value():
    assert FloatFormat(5, 10) == FP16 and hash(FloatFormat(5, 10)) == hash(FP16)
    with pytest.raises(dataclasses.FrozenInstanceError):
        FP16.mantissa = 3


def test_bad_parameters():
    with pytest.raises(ValueError, match=r"^exponent must be in 2\.\.8, not 1$"):
        FloatFormat(1, 4)
    with pytest.raises(ValueError, match=r"^exponent must be in 2\.\.8, not 11$"):
        FloatFormat(11, 52)
    with pytest.raises(ValueError, match=r"^mantissa must be in 1\.\.23, not 0$"):
        FloatFormat(4, 0)
    with pytest.raises(TypeError, match=r"^mantissa must be an integer, not 3\.0$"):
        FloatFormat(4, 3.0)
