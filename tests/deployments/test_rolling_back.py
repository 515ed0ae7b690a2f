"""`monstock-xero rollback`: what it shows, and that it does it, in the name of who sits there."""

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from deployments import rolling_back
from tasks.exporting.rolled_back import SHOWN, RolledBack
from tasks.exporting.taking_back import GONE_BEFORE, NOT_TOUCHED, STAYS, WAITS, Line
from tasks.ledger.trail import Head
from tests.exporting.test_taking_back import made


def outcome(*lines: Line, dry_run: bool = False) -> RolledBack:
    return RolledBack("shop", ("run-1", "run-2"), lines, dry_run, Head(7, "abc"))


LINES = [
    Line(made(reference="A [1]"), "DRAFT", "deleted"),
    Line(made(reference="B"), "PAID", STAYS, "paid"),
    Line(made(reference="C"), "VOIDED", GONE_BEFORE, "VOIDED in Xero already"),
    Line(
        made(reference="D", subject="contact"), "", NOT_TOUCHED, "a contact: other documents may be its own"
    ),
]


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> Console:
    return Console(width=200, record=True)


def test_the_table_begins_with_what_stays_and_shows_texts_as_they_are(console: Console) -> None:
    rolling_back.show(console, outcome(*LINES))
    text = console.export_text()
    assert "What happened" in text
    places = [text.index(word) for word in ("paid", "A [1]", "VOIDED in Xero already", "a contact")]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("dry_run", "says"),
    [
        (
            True,
            "Documents: 1 would be deleted, 0 would be voided, 1 stay, 1 were gone before, 1 contacts and changes are "
            "not touched. Nothing was written.",
        ),
        (
            False,
            "Documents: 1 deleted, 0 voided, 1 stay, 1 were gone before, 1 contacts and changes are not touched.",
        ),
    ],
)
def test_the_sentence_counts_and_says_whether_anything_was_written(dry_run: bool, says: str) -> None:
    assert outcome(*LINES, dry_run=dry_run).sentence() == says


def test_a_long_table_is_cut_and_says_so() -> None:
    many = outcome(*[LINES[1]] * (SHOWN + 1))
    assert (len(many.table()), len(many.rows())) == (SHOWN, SHOWN + 1)
    many = replace(many, file=Path("reports/shop/rollback-x.csv"))
    assert f"The first {SHOWN:,} are listed; all are in reports/shop/rollback-x.csv." in many.markdown()
    assert "run-1, run-2" in many.markdown()
    assert "The first" not in outcome(*LINES).markdown()
    assert outcome().table() == [{"what": "the run made nothing"}]


@pytest.mark.parametrize(
    ("count", "file", "where"),
    [(51, None, "the artifact in Prefect"), (SHOWN + 1, Path("all.csv"), "all.csv")],
)
def test_the_terminal_names_the_place_that_has_the_rest(
    console: Console, count: int, file: Path | None, where: str
) -> None:
    rolling_back.show(console, replace(outcome(*[LINES[1]] * count), file=file))
    assert f"and {count - 50:,} more; {where} has them" in console.export_text()


def test_what_waits_and_what_was_under_way_is_said() -> None:
    waits = Line(made(reference="E"), "DRAFT", WAITS, "the day's calls were used up before")
    said = replace(outcome(*LINES, waits, dry_run=True), under_way=3).sentence()
    assert said.endswith(
        "1 wait for the next day's calls. 3 more were under way: whether they stand in Xero is known once it is done. "
        "Nothing was written."
    )
