"""What became of repairs is told by the comparison after them, and by nothing else."""

import pytest

from tasks.domain.discrepancies import Mode
from tasks.reconciling.repairing import only_planned, outcome, plan
from tasks.reconciling.settling import Settled, together
from tests.reconciling import nights


def settled(**lives: str) -> Settled:
    """A comparison that came to these discrepancies, each by id and life."""
    rows = nights.discrepancies(
        *({"id": id_, "state": life, "repair": "export"} for id_, life in lives.items())
    )
    return Settled(1, 1, 1, 1, rows.assign(document_status="DRAFT"), nights.totals(), nights.days())


FIRST = settled(a="open", b="seen", c="accepted", d="gone")
PLANNED = plan(FIRST.rows, Mode.safe)


@pytest.mark.parametrize(
    ("second", "a", "b"),
    [
        (settled(a="repaired", b="seen"), "ended", "still there"),
        (settled(a="accepted", b="gone"), "still there", "ended"),
        (settled(b="open"), "not known", "still there"),
        (settled(), "not known", "not known"),
        (None, "not known", "not known"),
    ],
    ids=["repaired", "accepted", "not looked at", "nothing looked at", "not read again"],
)
def test_a_repair_has_ended_only_what_was_looked_for_and_not_found(
    second: Settled | None, a: str, b: str
) -> None:
    told = outcome(PLANNED, second)
    assert dict(zip(told["id"], told["outcome"], strict=True)) == {"a": a, "b": b}


def test_what_is_not_made_is_only_planned() -> None:
    assert only_planned(PLANNED)["outcome"].tolist() == ["planned", "planned"]
    nothing = plan(FIRST.rows, Mode.none)
    assert not nothing
    assert only_planned(nothing).empty
    assert outcome(nothing, None).columns.tolist() == only_planned(PLANNED).columns.tolist()


def test_no_row_of_a_night_is_lost_between_its_two_comparisons() -> None:
    assert together(FIRST, None) is FIRST
    found = together(FIRST, settled(a="repaired", b="seen")).rows
    states = dict(zip(found["id"], found["state"], strict=True))
    assert states == {"a": "repaired", "b": "seen", "c": "accepted", "d": "gone"}
