from types import SimpleNamespace

import pytest

from gen.errors import ThresherError
from gen.synth.sram import Macro, load_sram_model

LIBRARY = SimpleNamespace(nand2=24.0, voltage=1.8)


def test_energies_of_the_source():
    """The three points of Horowitz that the model rests on: 64 bits of 8 KB, 32 KB and 1 MB at 45 nm and 0.9 V."""
    model = load_sram_model()
    node = next(node for node in model.nodes if node.feature_nm == 45)
    for kilobytes, picojoules in ((8, 10), (32, 20), (1024, 100)):
        energy = model.read_pj(Macro(kilobytes * 1024 // 8, 64), node)
        assert energy == pytest.approx(picojoules, rel=0.15)


def test_node_of_a_library():
    model = load_sram_model()
    assert [(model.node(SimpleNamespace(nand2=area, voltage=None)).feature_nm) for area in (24, 3.75, 0.8, 0.4)] == [
        180, 130, 45, 28]
    assert model.node(SimpleNamespace(nand2=24, voltage=3.3)).voltage == 3.3
    assert model.node() == model.nodes[0]


def test_shape_counts():
    model = load_sram_model()
    node = model.node(LIBRARY)

    def area(*shape):
        return model.area_um2(Macro(*shape), node)

    assert area(1024, 32) > area(512, 32) > 512 * 32 * node.bit_cell_um2
    assert area(512, 32, 2, 1) > area(512, 32, 1, 1) > area(512, 32, 1, 0)
    # A deep narrow memory is folded: as large as a wide one of its bits, nearly.
    assert area(4096, 8) < 1.3 * area(1024, 32)
    # Large arrays hide their border, small ones do not.
    assert area(4096, 64, 1, 0) / (4096 * 64 * node.bit_cell_um2) < 1.3
    assert area(64, 16, 1, 0) / (64 * 16 * node.bit_cell_um2) > 2
    figures = model.figures(Macro(512, 32), node, LIBRARY)
    assert figures["gate_equivalents"] == pytest.approx(figures["area_um2"] / 24, abs=0.1)


def test_own_figures(tmp_path):
    (tmp_path / "own.toml").write_text("energy_pj = 20\nwrite_ratio = 1.5\n")
    model, shipped = load_sram_model(tmp_path / "own.toml"), load_sram_model()
    node = model.node(LIBRARY)
    assert model.read_pj(Macro(64, 16), node) == 2 * shipped.read_pj(Macro(64, 16), node)
    assert model.write_pj(Macro(64, 16), node) == 3 * shipped.write_pj(Macro(64, 16), node)
    assert "own.toml" in model.source and shipped.source in model.source


@pytest.mark.parametrize("text, message", [
    ("energy_pj = 0", "energy_pj of a memory model must be a number over 0, not 0."),
    ("energy_pj = true", "energy_pj of a memory model must be a number over 0, not True."),
    ("border_rows = -1", "border_rows of a memory model must be a number of at least 0, not -1."),
    ("most_words_in_row = 1.5", "most_words_in_row of a memory model must be an integer from 1 to 1024, not 1.5."),
    ("name = 3", "name of a memory model must be a text, not 3."),
    ("energy = 3", "A SramModel of a memory model has the keys name, .*, not .*energy"),
    ("nodes = []", "A memory model needs at least one node."),
    ("[[nodes]]\nvoltage = 1", "A Node of a memory model has the keys feature_nm, .*, not voltage."),
    ("energy_pj = ", "'.*own.toml' is not a TOML file of a memory model: "),
])
def test_bad_figures(tmp_path, text, message):
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(ThresherError, match=message):
        load_sram_model(tmp_path / "own.toml")
    with pytest.raises(ThresherError, match="none.toml' is not a TOML file"):
        load_sram_model(tmp_path / "none.toml")
