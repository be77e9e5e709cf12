"""Each mutant (tests/mutants) is of use: its text stands once in its module, and the tests that have to notice it exist."""

from collections import Counter

from tests.mutants.every import MUTANTS
from tests.mutants.mutant import Mutant, faults


def test_no_mutant_is_stale() -> None:
    found = [fault for module, mutant in MUTANTS for fault in faults(module, mutant)]
    assert not found, "\n".join(found)


def test_each_breaks_one_rule_that_it_names() -> None:
    assert len(MUTANTS) >= 40
    assert max(Counter(mutant.name for _, mutant in MUTANTS).values()) == 1
    assert all(mutant.rule.endswith(".") and len(mutant.rule) <= 120 for _, mutant in MUTANTS)


def test_what_makes_one_useless_is_told() -> None:
    stale = Mutant(
        "stale", "A rule.", before="no such text", after="no such text", tests="test_mutants.py::test_nothing"
    )
    text, changes, test = faults("synclogs.ingestion.ingest", stale)
    assert "0 times in synclogs/ingestion/ingest.py" in text
    assert "changes nothing" in changes
    assert "no test tests/test_mutants.py::test_nothing" in test
    assert "no module synclogs.nothing" in next(faults("synclogs.nothing", stale))
