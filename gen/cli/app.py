"""The command `thresher`: puts the commands together and turns failures into one sentence."""

import importlib.metadata
import os
import sys
from typing import Annotated

import typer
from typer.exceptions import TyperException

from gen.cli import claims, demo, describe, doctor, emit, lint, listing, pnr, power, report, run, sim, synth, workload
from gen.errors import ThresherError

__all__ = ["app", "main"]

USER_ERROR = 2
FAILURE = 1
INTERRUPTED = 130

app = typer.Typer(name="thresher", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
                  rich_markup_mode="markdown", context_settings={"help_option_names": ["-h", "--help"]},
                  help="Turn a few parameters into verified hardware for attention and sparse tensors: "
                       "Verilog, a bit-exact simulation on real data, and what it costs and gains.")
for name, module in (("list", listing), ("describe", describe), ("doctor", doctor), ("emit", emit),
                     ("sim", sim), ("run", run), ("synth", synth), ("pnr", pnr), ("power", power), ("demo", demo),
                     ("lint", lint), ("claims", claims), ("report", report)):
    app.command(name)(module.command)
app.add_typer(workload.app, name="workload")


def print_version(wanted):
    if wanted:
        print(f"thresher {importlib.metadata.version('thresher')}")
        raise typer.Exit


@app.callback()
def common(version: Annotated[bool, typer.Option("--version", callback=print_version, is_eager=True,
                                                 help="Show the version and leave.")] = False):
    # A system Yosys may be too old for Amaranth.
    os.environ.setdefault("AMARANTH_USE_YOSYS", "builtin")


def fail(message, code):
    """Print a line that says what went wrong, and below it a tool's own words if any; returns `code`."""
    print(f"thresher: error: {str(message).strip()}", file=sys.stderr)
    return code


def main(arguments=None):
    """Run the command; the entry point of the distribution.

    Parameters
    ----------
    arguments : list of str or None
        None takes those of the process.

    Returns
    -------
    int
        Exit code: 0 success, 1 a check or a simulation failed or an internal error, 2 a wrong request, 130
        interrupted. With ``THRESHER_DEBUG=1`` in the environment failures show their traceback instead.
    """
    try:
        code = app(args=arguments, prog_name="thresher", standalone_mode=False) or 0
        # Typer turns Ctrl-C into this code without a word.
        return fail("interrupted", INTERRUPTED) if code == INTERRUPTED else code
    except TyperException as error:
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        # Asking for nothing prints the help, which is an answer and not an error.
        return fail(f"{message} (see `thresher --help`)", USER_ERROR) if message else USER_ERROR
    except Exception as error:
        from sim.runner.errors import SimulationError

        if os.environ.get("THRESHER_DEBUG") == "1":
            raise
        if isinstance(error, (ThresherError, ValueError, TypeError, OSError)):
            return fail(error, USER_ERROR)
        if isinstance(error, SimulationError):
            return fail(error, FAILURE)
        return fail(f"internal error, {type(error).__name__}: {error}; THRESHER_DEBUG=1 shows where", FAILURE)
