"""Dividers of the ECP5's phase-locked loop."""

from dataclasses import dataclass
from fractions import Fraction

from gen.errors import ThresherError

__all__ = ["MAX_OUTPUT_MHZ", "MIN_OUTPUT_MHZ", "PllSettings", "pll_settings"]

#: Range of an output (data sheet FPGA-DS-02012, sysCLOCK PLL timing).
MIN_OUTPUT_MHZ, MAX_OUTPUT_MHZ = Fraction("3.125"), 400

_VCO_MHZ = (400, 800)
_PHASE_DETECTOR_MHZ = (Fraction("3.125"), 400)
_MOST_INPUT, _MOST_FEEDBACK, _MOST_OUTPUT = 128, 80, 128


@dataclass(frozen=True)
class PllSettings:
    """Dividers of an EHXPLLL whose first output is fed back and whose second output is the clock.

    Attributes
    ----------
    input, feedback, loop, output : int
        CLKI_DIV, CLKFB_DIV, CLKOP_DIV and CLKOS_DIV.
    mhz, vco_mhz : fractions.Fraction
        Frequency of the clock and of the oscillator.
    """

    input: int
    feedback: int
    loop: int
    output: int
    mhz: Fraction
    vco_mhz: Fraction


def pll_settings(reference_mhz, wanted_mhz):
    """Find the dividers for the clock that is as near as possible to the wanted one, and not faster.

    The oscillator runs at ``reference / input * feedback * loop``, from 400 to 800 MHz, the phase detector at
    ``reference / input``, from 3.125 MHz on, the clock at a fraction ``1 / output`` of the oscillator. Of equal clocks
    the one with the fastest phase detector is taken, then that with the fastest oscillator: they jitter least.

    Parameters
    ----------
    reference_mhz, wanted_mhz : float or int

    Returns
    -------
    :class:`PllSettings`

    Raises
    ------
    :class:`gen.errors.ThresherError`
        If the wanted clock is out of the loop's range.
    """
    reference, wanted = Fraction(str(reference_mhz)), Fraction(str(wanted_mhz))
    if not MIN_OUTPUT_MHZ <= wanted <= MAX_OUTPUT_MHZ:
        raise ThresherError(f"The clock must be from {float(MIN_OUTPUT_MHZ):g} to {MAX_OUTPUT_MHZ} MHz, "
                            f"not {wanted_mhz:g} MHz.")
    best = None
    for divider in range(1, _MOST_INPUT + 1):
        detector = reference / divider
        if not _PHASE_DETECTOR_MHZ[0] <= detector <= _PHASE_DETECTOR_MHZ[1]:
            continue
        # The product of feedback and loop; the smallest feedback gives it with a legal loop divider.
        for product in range(-(-_VCO_MHZ[0] // detector), int(_VCO_MHZ[1] / detector) + 1):
            feedback = next((factor for factor in range(1, _MOST_FEEDBACK + 1)
                             if product % factor == 0 and product // factor <= _MOST_OUTPUT), None)
            vco = detector * product
            output = -(-vco // wanted)
            if feedback is None or output > _MOST_OUTPUT:
                continue
            settings = PllSettings(divider, feedback, product // feedback, int(output), vco / output, vco)
            rank = (settings.mhz, detector, vco)
            if best is None or rank > best[0]:
                best = (rank, settings)
    return best[1]
