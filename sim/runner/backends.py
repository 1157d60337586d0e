"""cocotb's runners for Verilator and Icarus, made quiet, and fast.

Importing this imports cocotb, which takes a while: `sim.runner` does so when a simulation is compiled or run.
"""

import contextlib
import subprocess
import sys
from pathlib import Path

from cocotb_tools import runner as cocotb_runner

from .errors import ToolError
from .runtime import Runtime
from .tools import python_path, simulator_version, tool_environment
from .waveforms import prepare_fst

__all__ = ["IcarusBackend", "VerilatorBackend", "backend"]

REPOSITORY = Path(__file__).resolve().parents[2]

_TICK_SECONDS = 0.25

#: Ports of every top, as Verilator's configuration matches them. Nothing else is opened to cocotb.
PORTS = ("clk", "rst", "interrupt", "s_axi_*", "s_axis_*", "m_axis_*", "uart_*")


class _Quiet:
    """Mix-in: the tools' own environment, output that is kept instead of shown, and a limit in time.

    Parameters
    ----------
    variables : dict of str to str
        Environment of the processes, on top of the tools' own.
    waves : bool
        Whether the simulation writes a waveform.
    tick : callable
        Called a few times a second while a process runs; what it raises ends the process.
    """

    def __init__(self, variables=(), waves=False, tick=lambda: None):
        self._variables = dict(variables)
        self._with_waves = waves
        self._tick = tick
        # cocotb looks for Icarus as it constructs a runner, in this process's own PATH, where it need not be.
        self.env = {}
        super().__init__()
        self.log.setLevel("CRITICAL")

    def _set_env_common(self):
        super()._set_env_common()
        # cocotb lets the variables WAVES and GUI overrule what it was asked for.
        self.waves, self.gui = self._with_waves, False
        tools = tool_environment()
        self.env.update({name: tools[name] for name in ("PATH", "VERILATOR_ROOT") if name in tools})
        self.env["PYTHONPATH"] = python_path(REPOSITORY)
        for name in ("COCOTB_TEST_FILTER", "COCOTB_TESTCASE", "COCOTB_TEST_MODULES", "COCOTB_RANDOM_SEED"):
            self.env.pop(name, None)
        self.env.update(self._variables)

    def _execute_cmds(self, cmds, cwd, stdout=None):
        for command in cmds:
            process = subprocess.Popen(
                command, cwd=cwd, env=self.env, stdout=stdout, stderr=subprocess.STDOUT
            )
            try:
                while process.poll() is None:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(_TICK_SECONDS)
                    self._tick()
            finally:
                process.kill()
                process.wait()
            if process.returncode:
                raise ToolError(f"{Path(command[0]).name} ended with code {process.returncode}")


class VerilatorBackend(_Quiet, cocotb_runner.Verilator):
    """Verilator with only the top's ports open to cocotb.

    cocotb's own runner opens every signal (``--public-flat-rw``), which keeps Verilator from optimising:
    large designs then build and run five to ten times slower.
    """

    #: The fast path is compiled for speed; what runs once, or only when tracing, for build time.
    make_variables = (
        "OPT_FAST=-O2",
        "OPT_SLOW=-O0",
        "OPT_GLOBAL=-O2",
        # Without ccache's settings the PyPI build leaves this empty, and a design that is
        # large enough for more than one object file fails on its precompiled header.
        "CFG_CXXFLAGS_PCH_I=-include",
        f"PYTHON3={sys.executable}",
    )

    def control_file(self, top):
        """Text of the configuration that opens the ports."""
        lines = [f'public_flat_rw -module "{top}" -var "{port}"' for port in PORTS]
        return "\n".join(["`verilator_config", *lines, ""])

    def options(self):
        """Options of ``verilator`` beside those that cocotb's runner gives."""
        # Amaranth resets or initialises each register: unknowns need no random values.
        unknowns = ["--x-assign", "fast", "--x-initial", "fast"]
        return ["-O3", "-Wno-fatal", "-Wno-lint", *unknowns, *(["--trace-fst"] if self._with_waves else [])]

    def compile(self, verilog, top, directory):
        """Build an executable in `directory`; compiler output goes to ``build.log`` in it."""
        settings = [simulator_version("verilator"), *self.make_variables, str(self._with_waves)]
        runtime = Runtime(directory.parent, settings)
        runtime.restore(directory)
        control = directory / "ports.vlt"
        control.write_text(self.control_file(top))
        options = prepare_fst(directory) if self._with_waves else []
        self.build(
            sources=[control, cocotb_runner.Verilog(verilog)],
            hdl_toplevel=top,
            build_args=self.options() + options,
            build_dir=directory,
            timescale=("1ns", "1ps"),
            log_file=directory / "build.log",
        )
        runtime.store(directory)

    def _build_command(self):
        verilate, make = super()._build_command()
        verilate = [word for word in verilate if word not in ("--public-flat-rw", "--trace")]
        return [verilate, [*make, *self.make_variables]]

    def _simulator_in_path_build_only(self):
        self.executable = "verilator"

    def run_options(self, path):
        """Arguments of `test` that send the waveform to a file."""
        return {"test_args": ["--trace-file", str(path)]}


class IcarusBackend(_Quiet, cocotb_runner.Icarus):
    """Icarus Verilog reading Verilog-2005."""

    def _simulator_in_path(self):
        pass

    def options(self):
        """Options of ``iverilog`` beside those that cocotb's runner gives."""
        # Under the runner's own -g2012, Icarus 11 leaves combinational outputs X at time 0.
        return ["-g2005"]

    def compile(self, verilog, top, directory):
        """Build ``sim.vvp`` in `directory`; compiler output goes to ``build.log`` in it."""
        self.build(
            sources=[cocotb_runner.Verilog(verilog)],
            hdl_toplevel=top,
            build_args=self.options(),
            build_dir=directory,
            timescale=("1ns", "1ps"),
            always=True,
            log_file=directory / "build.log",
        )

    def _create_iverilog_dump_file(self):
        # cocotb's own uses the type `string`, which Verilog-2005 does not know.
        self.iverilog_dump_file.write_text(
            "module cocotb_iverilog_dump();\n"
            "    reg [8*4096:1] path;\n"
            "    initial begin\n"
            '        if (!$value$plusargs("dumpfile_path=%s", path)) path = "dump.fst";\n'
            "        $dumpfile(path);\n"
            f"        $dumpvars(0, {self.hdl_toplevel});\n"
            "    end\n"
            "endmodule\n"
        )

    def run_options(self, path):
        """Arguments of `test` that send the waveform to a file."""
        return {"plusargs": [f"+dumpfile_path={path}"]}


_BACKENDS = {"verilator": VerilatorBackend, "icarus": IcarusBackend}


def backend(simulator, **options):
    """Runner for `simulator`, with the options of both kinds of runner."""
    return _BACKENDS[simulator](**options)
