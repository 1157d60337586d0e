"""`thresher sim flaash` on a device in Python: files, real values, what is refused, how a mismatch is named."""

import types

import numpy as np
import pytest

from gen.errors import ThresherError
from gen.simulation import SimulationOptions
from gen.tops import flaash_simulation
from gen.tops.flaash_inputs import drawn_case, last_modes, read_inputs
from gen.tops.registry import resolve, tops
from hw.shell import TRAILER_MARKER
from sim.golden.flaash import FiberTensor
from sim.host.flaash import read_csfbin, write_csfbin
from tests.flaash.device import answer


@pytest.fixture
def device(monkeypatch):
    """Packets go to the device in Python, which counts 1,000 cycles; the last packets are kept."""
    seen = types.SimpleNamespace(packets=None, spoil=lambda packets: packets)

    def simulate(top, verilog, registers, packets, parameters, **options):
        seen.packets, seen.options = packets, options
        return types.SimpleNamespace(
            packets=seen.spoil(answer(packets, parameters, TRAILER_MARKER << 8)), cycles=1000, seed=options["seed"],
            registers={"counter_working": 400, "counter_macs": 7}, seconds=1.0, total_cycles=1200,
            kcycles_per_second=1.2)

    monkeypatch.setattr(flaash_simulation, "run_packets", simulate)
    monkeypatch.setattr(flaash_simulation, "emit_cached",
                        lambda top, parameters: types.SimpleNamespace(verilog="x.v", registers={}))
    return seen


def tensors(seed=3, a_shape=(3, 4, 20), b_shape=(5, 20), density=0.4, kind=np.int16):
    """Arrays of two tensors and both of them dense."""
    draw = np.random.default_rng(seed)
    arrays, dense = {}, []
    for name, shape in (("a", a_shape), ("b", b_shape)):
        values = draw.integers(-99, 100, shape) if kind != np.float32 else draw.standard_normal(shape)
        dense.append((values * (draw.random(shape) < density)).astype(kind))
        coords = draw.permutation(np.argwhere(dense[-1]))
        arrays |= {f"{name}_coords": coords, f"{name}_values": dense[-1][tuple(coords.T)],
                   f"{name}_shape": np.array(shape)}
    return arrays, dense


def run(tmp_path, arrays, *sets, output="out.npz", **options):
    np.savez(tmp_path / "in.npz", **arrays)
    p = resolve("flaash", "tiny", None, list(sets))
    return tops()["flaash"].simulate(p, SimulationOptions(input=tmp_path / "in.npz", output=tmp_path / output,
                                                          **options))


@pytest.mark.parametrize("portions, drop_zeros", [(None, False), (2, True)])
@pytest.mark.parametrize("values, accumulator", [("int8", 32), ("int16", 32), ("int16", 48), ("fp32", 32)])
def test_files(device, tmp_path, values, accumulator, portions, drop_zeros):
    arrays, dense = tensors(kind=np.float32 if values == "fp32" else np.int16)
    report = run(tmp_path, arrays, f"values={values}", f"accumulator={accumulator}", "bus_width=128",
                 einsum="ijk,lk->lji", portions=portions, drop_zeros=drop_zeros)
    c = np.load(tmp_path / "out.npz")["c"]
    exact = np.einsum("ijk,lk->lji", *(tensor.astype(np.float64) for tensor in dense))
    assert report["bit_exact"] and c.shape == (5, 4, 3) and report["shapes"]["c"] == (5, 4, 3)
    assert (np.abs(c - exact).max() == 0) if values != "fp32" else np.allclose(c, exact, atol=1e-5)
    assert report["accuracy"]["relative_error"] < (1e-6 if values == "fp32" else 1e-300)
    macs = np.einsum("ijk,lk->", *((tensor != 0).astype(int) for tensor in dense))
    assert report["macs"] == macs and report["utilisation"] == macs / (2 * 1000)
    assert report["utilisation_while_working"] == macs / (2 * 400)
    assert report["counters"] == {"working": 400, "macs": 7} and report["overflows"] == 0
    assert report["portions"] == (portions or 1) and (report["tasks"] > 1) == (portions == 2)
    assert {"top", "parameters", "simulator", "mismatches", "cycles", "seconds", "kcycles_per_second"} <= report.keys()


def test_more_than_the_memories_hold(device, tmp_path):
    arrays, dense = tensors(a_shape=(9, 9, 30), b_shape=(50, 30), density=0.7)
    report = run(tmp_path, arrays, "fibers=16", "entries=64")
    assert report["bit_exact"] and report["tasks"] > 30 and report["einsum"] == "abz,hz->abh"
    assert (np.load(tmp_path / "out.npz")["c"] == np.einsum("abz,hz->abh", *dense, dtype=np.int64)).all()
    assert {len(packet) % 8 for packet in device.packets} == {0}


def test_real_values_are_scaled_for_integers(device, tmp_path):
    arrays, dense = tensors(kind=np.float32)
    for sets, error in ((["values=int16"], 2e-3), (["values=int16", "accumulator=48", "bus_width=128"], 2e-4),
                        (["values=int8"], 3e-2)):
        report = run(tmp_path, arrays, *sets, einsum="ijk,lk->ijl")
        assert report["bit_exact"] and report["overflows"] == 0 and report["scale"] > 0
        c = np.load(tmp_path / "out.npz")["c"]
        exact = np.einsum("ijk,lk->ijl", *dense)
        assert report["accuracy"]["relative_error"] < error
        assert np.linalg.norm(c - exact) < error * np.linalg.norm(exact)


def test_sums_that_wrap_are_told_and_are_bit_exact(device, tmp_path):
    arrays, _ = tensors(a_shape=(2, 8), b_shape=(2, 8), density=1)
    for name in "ab":
        arrays |= {f"{name}_coords": np.argwhere(np.ones((2, 8))), f"{name}_values": np.full(16, -32768)}
    report = run(tmp_path, arrays)
    assert report["bit_exact"] and report["overflows"] == 4


def test_canonical_nan(device, tmp_path):
    arrays = {"a_coords": [[0, 1]], "a_values": np.array([np.inf]), "a_shape": [2, 3],
              "b_coords": [[0, 1]], "b_values": np.array([0.0]), "b_shape": [1, 3]}
    assert run(tmp_path, arrays, "values=fp32")["bit_exact"]
    c = np.load(tmp_path / "out.npz")["c"]
    assert c.view(np.uint32)[0, 0] == 0x7FC00000 and c[1, 0] == 0


def test_csfbin(device, tmp_path):
    arrays, dense = tensors(kind=np.float32)
    for name, tensor in zip("ab", dense, strict=True):
        write_csfbin(tmp_path / f"{name}.csfbin", FiberTensor.from_dense(tensor))
    p = resolve("flaash", "tiny", None, ["values=fp32"])
    options = {"input": tmp_path / "a.csfbin", "input_b": tmp_path / "b.csfbin", "output": tmp_path / "x" / "c.csfbin"}
    report = tops()["flaash"].simulate(p, SimulationOptions(drop_zeros=True, **options))
    assert report["bit_exact"] and report["einsum"] == "abz,hz->abh"
    written = read_csfbin(tmp_path / "x" / "c.csfbin")
    assert np.all(written.values != 0)
    assert np.allclose(written.to_dense(), np.einsum("ijk,lk->ijl", *dense), atol=1e-5)


def test_what_comes_without_a_file(device):
    for preset, sets, entries, tasks in (("tiny", ["index_bits=5"], 157, 1), ("tiny", [], 2635, 24),
                                         ("ecp5", [], 2635, 1)):
        report = tops()["flaash"].simulate(resolve("flaash", preset, None, sets), SimulationOptions(seed=4))
        assert report["bit_exact"] and report["tasks"] == tasks and report["overflows"] == 0
        assert report["density"]["a"] * np.prod(report["shapes"]["a"]) == pytest.approx(entries)
        assert tasks == 1 and "scale" not in report or report["accuracy"]["relative_error"] < 0.01
    p = resolve("flaash", "paper", None, [])
    assert drawn_case(p, 1)[0]["a_values"].dtype == np.float32
    assert last_modes(1, 3) == "z,hiz->hi"


def test_a_wrong_bit_is_named(device, tmp_path):
    def spoil(packets):
        """The lowest bit of the value of destination 7."""
        packet = bytearray(packets[0])
        place = next(place for place in range(0, len(packet), 8) if packet[place:place + 4] == b"\x07\0\0\0")
        packet[place + 4] ^= 1
        return [bytes(packet)]

    device.spoil = spoil
    arrays, dense = tensors(density=1)
    report = run(tmp_path, arrays, einsum="ijk,lk->ijl")
    right = int(np.einsum("ijk,lk->ijl", *dense, dtype=np.int64)[0, 1, 2])
    assert not report["bit_exact"] and report["mismatch_count"] == 2
    assert report["mismatches"] == [{"array": "c", "place": (0, 1, 2), "hardware": right ^ 1, "golden": right},
                                    {"array": "c", "place": (0, 1, 2), "hardware": right ^ 1, "einsum": right}]


@pytest.mark.parametrize("spoil, sentence", [
    (lambda packet: packet[:-8], "the hardware broke its own format: the result does not end with a trailer"),
    (lambda packet: (TRAILER_MARKER << 8 | 7).to_bytes(8, "little"), "the hardware ended the task with error code 7"),
])
def test_failures_of_the_hardware(device, tmp_path, spoil, sentence):
    device.spoil = lambda packets: [spoil(packet) for packet in packets]
    with pytest.raises(ThresherError) as failure:
        run(tmp_path, tensors()[0])
    assert str(failure.value) == sentence


@pytest.mark.parametrize("changes, sets, options, sentence", [
    ({}, [], {"einsum": "ijk,lj->ikl"}, "mode 'j' has length 4 in tensor a (mode 1), but 20 in tensor b (mode 1)"),
    ({}, [], {"einsum": "ijk"}, "the einsum 'ijk' must have the modes of two tensors"),
    ({"b_shape": None}, [], {}, "the array b_shape is missing; a tensor is b_coords (nnz, order)"),
    ({"a_values": None}, [], {}, "the array a_values is missing"),
    ({"a_values": np.full(3, 1)}, [], {}, "tensor a: there are 88 coordinates, but values of shape (3,)"),
    ({}, ["index_bits=4"], {}, "the contracted modes are 20 long together, more than the 16 that an index of 4 bits"),
    ({}, ["sums=0"], {"portions": 2}, "2 portions need at least as many sums (--set sums=...)"),
    ({}, [], {"portions": 0}, "--portions must be an integer of at least 1, not 0"),
    ({}, [], {"mode": "fft"}, "The top flaash has no option --mode"),
    ({}, [], {"keep": 0.5}, "The top flaash has no option --keep"),
])
def test_refused(device, tmp_path, changes, sets, options, sentence):
    arrays = {name: value for name, value in (tensors()[0] | changes).items() if value is not None}
    with pytest.raises(ThresherError) as failure:
        run(tmp_path, arrays, *sets, **options)
    assert sentence in str(failure.value)


def test_infinity_is_no_integer(device, tmp_path):
    arrays, _ = tensors(kind=np.float32)
    arrays["b_values"][2] = np.inf
    with pytest.raises(ThresherError, match="tensor b has values that are not finite, which int16 does not hold"):
        run(tmp_path, arrays)


@pytest.mark.parametrize("files, options, sentence", [
    (["a"], {}, "a.csfbin holds one tensor; give the second one by --input-b"),
    (["npz", "a"], {}, "--input-b goes with an --input that is a .csfbin file"),
    ([], {"input_b": "a"}, "--input-b is the second tensor of a contraction; give the first one by --input"),
    ([], {"einsum": "ij,kj->ik"}, "--einsum is of tensors; give them by --input"),
    (["bad", "a"], {}, "bad.csfbin: the .csfbin data"),
])
def test_refused_files(tmp_path, files, options, sentence):
    arrays, dense = tensors(kind=np.float32)
    paths = {name: tmp_path / f"{name}.csfbin" for name in ("a", "bad")} | {"npz": tmp_path / "in.npz"}
    write_csfbin(paths["a"], FiberTensor.from_dense(dense[0]))
    paths["bad"].write_bytes(b"1234567")
    np.savez(paths["npz"], **arrays)
    given = dict(zip(("input", "input_b"), (paths[name] for name in files), strict=False))
    given |= {name: paths.get(value, value) for name, value in options.items()}
    with pytest.raises(ThresherError) as failure:
        read_inputs(resolve("flaash", "tiny", None, []), SimulationOptions(**given))
    assert sentence in str(failure.value)


@pytest.mark.parametrize("top", ["sofa", "butterfly"])
@pytest.mark.parametrize("options", [{"portions": 2}, {"drop_zeros": True}, {"einsum": "ij,kj->ik"}])
def test_other_tops_refuse_its_options(top, options):
    name = next(iter(options)).replace("_", "-")
    with pytest.raises(ThresherError, match=f"^The top {top} has no option --{name}$"):
        tops()[top].simulate(resolve(top, "tiny", None, []), SimulationOptions(**options))


def test_power_is_of_a_netlist_that_is_right(device, tmp_path):
    top, p = tops()["flaash"], resolve("flaash", "tiny", None, [])
    np.savez(tmp_path / "in.npz", **tensors()[0])
    options = SimulationOptions(input=tmp_path / "in.npz")
    result = top.measure(p, options, "netlist.v", tmp_path / "w.fst")
    assert result["rows"] == 60 and result["bit_exact"] and device.options["waves"] == tmp_path / "w.fst"
    device.spoil = lambda packets: [(TRAILER_MARKER << 8).to_bytes(8, "little") for _ in packets]
    with pytest.raises(ThresherError, match="the netlist differs from the golden model: .*'array': 'c'"):
        top.measure(p, options, "netlist.v", tmp_path / "w.fst")
