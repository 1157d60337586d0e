"""All claims on one small head, and the command that shows them."""

import json
from pathlib import Path

import pytest

import gen.claims
from gen.claims import PAPERS, check
from gen.claims.claim import KINDS
from gen.claims.papers import paper_of
from gen.claims.sofa import predictor
from gen.claims.sofa.inconsistencies import INCONSISTENCIES
from gen.cli import main
from gen.errors import ThresherError
from tests.gen.claims.sofa.evidence import small_evidence

CONTRACT = ["claim", "source", "paper", "ours", "unit", "holds", "how"]


@pytest.fixture(scope="module")
def measured():
    """Records without the simulations, and what the progress said."""
    said = []
    return check("sofa", simulate=False, evidence=small_evidence(), update=said.append), said


@pytest.fixture
def records(measured, monkeypatch):
    """Copies of the records, which the command is given as well."""
    copies = [dict(record) for record in measured[0]]
    monkeypatch.setattr(gen.claims, "check", lambda top, **options: copies)
    return copies


def test_every_module_that_registers_claims_is_a_topic():
    folder = Path(gen.claims.__file__).parent
    assert {path.parent.name for path in folder.glob("*/__init__.py")} == set(PAPERS)
    for top in PAPERS:
        registering = {path.stem for path in (folder / top).glob("*.py")
                       if "\n@claims(" in path.read_text(encoding="utf-8")}
        assert set(paper_of(top).TOPICS) == registering


def test_records_are_well_formed(measured):
    records, said = measured
    assert len({record["claim"] for record in records}) == len(records) > 60
    for record in records:
        assert list(record)[:7] == CONTRACT and set(record) <= {*CONTRACT, "window", "note"}
        assert record["source"].startswith("Section ") and record["how"] in KINDS
        assert isinstance(record["holds"], bool) and record["ours"] is not None
        assert record["paper"] is not None or record["window"]
    places = [record["source"].split(",")[0] for record in records]
    assert places == sorted(places)
    assert said[0] == f"claims of sofa, 1 of {len(said)}: worked example of the leading zero product"


def test_exact_claims_hold(measured):
    assert [record["claim"] for record in measured[0] if record["how"] == "exact" and not record["holds"]] == []


def test_claims_that_cannot_hold_are_not_said_to(measured):
    missed = {record["claim"]: record for record in measured[0] if not record["holds"]}
    printed = missed["difference of the printed procedure to softmax, median, over the largest output"]
    assert printed["ours"] > 0.1 and "not rescaled" in printed["note"]
    assert "throughput from multipliers, utilisation and the attention work left, 0 % loss" in missed


def test_simulations_can_be_left_out(measured):
    assert {record["how"] for record in measured[0]} == {"exact", "statistical"}


def test_a_wrong_model_fails_its_claims(monkeypatch):
    monkeypatch.setattr(predictor, "dlzs", lambda x, y, width: 2 * x * y)
    found = list(predictor.worked_example_of_the_leading_zero_product(small_evidence()))
    assert [claim.holds for claim in found] == [False, False, False, True, True]


def test_command_writes_the_contract(records, tmp_path, capsys):
    path = tmp_path / "claims.json"
    assert main(["claims", "sofa", "--no-simulation", "--report", str(path)]) == 0
    assert json.loads(path.read_text()) == records
    shown = capsys.readouterr().out
    held = sum(record["holds"] for record in records)
    assert f"{held} of {len(records)} claims hold" in shown
    assert shown.count("Does not hold: ") == len(records) - held


def test_command_fails_when_an_exact_claim_does(records, capsys):
    records[-1] |= {"how": "statistical", "holds": False}
    assert main(["claims", "sofa"]) == 0
    records[-1]["how"] = "exact"
    assert main(["claims", "sofa"]) == 1


def test_page_has_every_claim_and_the_inconsistencies(records, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["claims", "sofa", "--write-docs"]) == 0
    page = (tmp_path / "docs" / "claims-sofa.md").read_text(encoding="utf-8")
    table, rest = page.split("## Notes")
    for number, record in enumerate(records, start=1):
        assert f"\n| {number} | " in table and record["claim"] in table
        assert (f"\n- {number}: {record['note']}" in rest) if "note" in record else (f"\n- {number}: " not in rest)
    section = rest.split("## Where the paper does not agree with itself")[1]
    assert section.count("\n- ") == len(INCONSISTENCIES)


def test_page_needs_all_claims(records, capsys):
    assert main(["claims", "sofa", "--write-docs", "--no-simulation"]) == 2
    assert capsys.readouterr().err == "thresher: error: --write-docs needs the simulations; leave out --no-simulation\n"


def test_unknown_top(capsys):
    assert main(["claims", "flash"]) == 2
    known = "sofa, butterfly, flaash"
    assert capsys.readouterr().err == f"thresher: error: There is no top 'flash'; the tops are {known}\n"
    with pytest.raises(ThresherError, match=f"^There are no claims for 'flash'; there are for {known}$"):
        check("flash")
