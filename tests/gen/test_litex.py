import ast

import pytest

from gen.emit import emit
from hw.shell import Shell
from tests.shell.loopback import Loopback, LoopbackParameters
from tests.shell.row_sum import RowSum


@pytest.fixture(scope="module", params=["loop", "row_sum"])
def emitted(request, tmp_path_factory):
    engine = Loopback(LoopbackParameters(bus_width=64)) if request.param == "loop" else RowSum()
    folder = tmp_path_factory.mktemp("litex")
    manifest = emit(Shell(engine, request.param, "1.2.3"), request.param, folder, target="litex")
    tree = ast.parse((folder / f"{request.param}_litex.py").read_text())
    return manifest, tree


def calls(tree, name):
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(name)]


def test_the_instance_has_the_ports_of_the_top(emitted):
    manifest, tree = emitted
    instance, = calls(tree, "Instance")
    assert instance.args[0].value == manifest.name
    made = {keyword.arg for keyword in instance.keywords}
    ports = {f"{port['direction'][0]}_{port['name']}" for port in manifest.ports}
    assert made == ports - {"o_m_axis_tkeep"} and f"{manifest.name}_litex.py" in manifest.files


def test_signals_of_the_instance(emitted):
    _manifest, tree = emitted
    instance, = calls(tree, "Instance")
    values = {keyword.arg: ast.unparse(keyword.value) for keyword in instance.keywords}
    wanted = {"i_clk": "ClockSignal('sys')", "i_rst": "ResetSignal('sys')", "i_s_axi_awaddr": "bus.aw.addr[:12]",
              "i_s_axi_wstrb": "bus.w.strb", "o_s_axi_bresp": "bus.b.resp", "i_s_axi_araddr": "bus.ar.addr[:12]",
              "o_s_axi_rdata": "bus.r.data", "i_s_axi_arprot": "0", "i_s_axis_tdata": "sink.data",
              "i_s_axis_tlast": "sink.last", "o_m_axis_tvalid": "source.valid", "i_m_axis_tready": "source.ready",
              "o_interrupt": "self.interrupt"}
    assert wanted.items() <= values.items()
    # No signal is connected to two ports.
    signals = [value for value in values.values() if value != "0"]
    assert len(set(signals)) == len(signals)


def test_endpoints(emitted):
    manifest, tree = emitted
    made = {ast.unparse(node.targets[0]): ast.literal_eval(node.value.args[0]) for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and node.value in calls(tree, "stream.Endpoint")}
    width = [("data", manifest.bus_width)]
    fetch = {"self.fetch_source": [("data", 32)], "self.fetch_sink": width} if manifest.name == "row_sum" else {}
    assert made == {"self.sink": width, "self.source": width, **fetch}
    # A request is a packet of one beat.
    assert ("fetch_source.last.eq(1)" in ast.unparse(tree)) == bool(fetch)


def test_the_module_is_documented_and_complete(emitted):
    manifest, tree = emitted
    module, = (node for node in tree.body if isinstance(node, ast.ClassDef))
    assert module.name == {"loop": "Loop", "row_sum": "RowSum"}[manifest.name]
    compile(tree, "litex.py", "exec")
    imported = {alias.asname or alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
                for alias in node.names}
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert imported <= used
