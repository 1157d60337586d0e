import json

import numpy as np
import pytest

from gen.claims.claim import Claim, Source, between, claims, equal, near, record, sources


@pytest.mark.parametrize("paper, ours, holds", [
    (3, 3, True), (3, 4, False), ([1, 2], np.array([1, 2]), True), ([1, 2], [1, 3], False),
    ([[1], [2]], [[1], [2]], True), ([[1], [2]], [[2], [1]], False)])
def test_equal(paper, ours, holds):
    assert equal("a", "b", paper, ours).holds is holds


@pytest.mark.parametrize("ours, holds", [([10.5, 19.5], True), ([10.51, 20], False), ([10, 19.4], False)])
def test_near(ours, holds):
    claim = near("a", "b", [10, 20], ours, "%", 0.5)
    assert claim.holds is holds
    assert claim.window == "the paper's value ± 0.5"


@pytest.mark.parametrize("low, high, holds, window", [
    (1, 3, True, "at least 1, at most 3"), (1.5, None, False, "at least 1.5"), (None, 2.5, False, "at most 2.5"),
    (None, 3, True, "at most 3")])
def test_between_bounds_every_value(low, high, holds, window):
    claim = between("a", "b", None, [1, 3], "", low, high)
    assert (claim.holds, claim.window) == (holds, window)


def test_record_is_the_contract():
    source = Source("III-A", "exact", record)
    claim = equal("a", "Fig. 1", np.int64(3), [np.float64(3), 4], "mm", "why")
    assert json.loads(json.dumps(record(source, claim))) == {
        "claim": "a", "source": "Section III-A, Fig. 1", "paper": 3, "ours": [3.0, 4], "unit": "mm", "holds": False,
        "how": "exact", "note": "why"}
    bare = record(source, Claim("a", "b", None, 1, "", True, window="any"))
    assert bare["window"] == "any" and "note" not in bare


def test_a_kind_must_be_known():
    kinds = "exact, statistical, simulation, synthesis"
    with pytest.raises(ValueError, match=rf"^how must be one of {kinds}, not 'guess'$"):
        claims("I", "guess")


def test_sources_are_in_the_order_of_the_paper_and_of_their_modules():
    modules = ["gen.claims.sofa.sorter", "gen.claims.sofa.schedule", "gen.claims.sofa.paper_tables"]
    found = sources(modules)
    sections = [source.section for source in found]
    assert sections == sorted(sections) and set(sections) == {"III-B", "IV", "IV-C", "IV-E", "V"}
    assert {source.compute.__module__ for source in found} == set(modules)
    last = [modules.index(source.compute.__module__) for source in found if source.section == "V"]
    assert last == sorted(last) and len(set(last)) == 2
    assert "schedule of figure 15" in {source.subject for source in found}
