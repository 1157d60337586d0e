"""The cocotb test that `sim.runner.simulate` starts."""

import os
import traceback

import cocotb

from .bench import Bench
from .exchange import CUT_SHORT, JOB_VARIABLE, read_job, write_outcome
from .failure import BenchError

__all__ = ["run_packets"]

_NOTHING = {
    "registers": {},
    "reads": [],
    "samples": {},
    "cycles": 0,
    "input_cycles": [],
    "output_cycles": [],
    "output_word_cycles": [],
    "input_words": 0,
    "output_words": 0,
    "fetches": [],
    "fetch_cycles": [],
    "total_cycles": 0,
    "violations": [],
    "kcycles_per_second": 0.0,
}


@cocotb.test()
async def run_packets(dut):
    """Send the job's packets and store the outcome, whatever it is."""
    directory = os.environ[JOB_VARIABLE]
    job, packets = read_job(directory)
    # This error stays if cocotb cancels the test because another task has failed: the log has the reason.
    bench, error, hang = None, CUT_SHORT, False
    try:
        bench = Bench(dut, job, packets, directory)
        await bench.run()
        error = None
    except BenchError as failure:
        error, hang = str(failure), failure.hang
    except Exception:  # the simulator's process must hand over whatever happens in it
        error = f"the bench failed:\n{traceback.format_exc()}"
    finally:
        values, output = bench.outcome() if bench is not None else (_NOTHING, [])
        write_outcome(directory, {**values, "error": error, "hang": hang}, output)
