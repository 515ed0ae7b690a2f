"""The verdict is a sentence, and it is never kinder than the night was."""

from datetime import date

import pytest

from tasks.domain.discrepancies import Life
from tasks.reconciling import summing
from tasks.reconciling.words import aside, counts, markdown, sentence, table
from tests.reconciling.nights import explained, many, night, totals


@pytest.mark.parametrize(
    ("rows", "facts", "said"),
    [
        ([], {}, "All 4,812 orders and their documents agree."),
        ([], {"orders": 1}, "The one order and its documents agree."),
        ([], {"orders": 0, "documents": 0}, "There were no orders and no documents to compare."),
        ([{"state": "accepted"}] * 3, {}, "All 4,812 orders and their documents agree, but for 3 accepted."),
        (
            [{"state": "seen"}],
            {"orders": 1, "documents": 1},
            "1 discrepancy (none new) over 1 order and 1 document; no amount differs.",
        ),
        (
            [{"kind": "currency"}],
            {"orders": 1, "documents": 1},
            "1 discrepancy (1 new) over 1 order and 1 document.",
        ),
        (
            [{"kind": "order changed"}, {"difference": 120}],
            {},
            "2 discrepancies (2 new) over 4,812 orders and 4,790 documents; difference EUR 1.20.",
        ),
        (
            [{}],
            {"gaps": ["The payments of May could not be read."]},
            "Incomplete: The payments of May could not be read. Of what was read: "
            "1 discrepancy (1 new) over 4,812 orders and 4,790 documents; no amount differs.",
        ),
        (
            [],
            {"gaps": ["A", "B", "C", "D", "E"]},
            "Incomplete: A. B. C. And 2 more gaps. Of what was read: "
            "no discrepancy stands over 4,812 orders and 4,790 documents.",
        ),
        (
            [],
            {"matched": 4_770},
            "No discrepancy stands over 4,812 orders and 4,790 documents, "
            "and yet 10 of 4,780 pairs do not agree in everything.",
        ),
    ],
)
def test_the_verdict(rows: list[dict[str, object]], facts: dict[str, object], said: str) -> None:
    assert sentence(night(*rows, **facts)) == said


def test_money_counts_an_order_with_its_document_once_and_sets_nothing_off() -> None:
    same = {"order_id": "o1", "document_id": "x1"}
    found = night(
        {**same, "kind": "gross amount", "difference": 120},
        {**same, "kind": "net amount", "difference": -100},
        {"difference": -30, "state": "seen"},
        {"difference": 7, "currency": "GBP"},
        {"difference": 9_999, "state": "accepted"},
    )
    assert summing.money(found) == {"EUR": 150, "GBP": 7}


APART = totals(
    ("2024-05", "EUR", "sales", "X", 0, 5_000, 0, 0), ("2026-09", "EUR", "bills", "X", 1_200, 0, 0, 0)
)


@pytest.mark.parametrize(
    ("rows", "known", "agree", "said"),
    [
        (
            [],
            [],
            False,
            "No discrepancy stands over 4,812 orders and 4,790 documents, and yet the control totals differ by",
        ),
        (
            [{"state": "accepted", "difference": 500_000, "date": date(2024, 5, 1)}],
            [0],
            False,
            "and yet the control totals differ by EUR 12.00.",
        ),
        (
            [{"state": "accepted", "difference": 1_200}],
            [1],
            False,
            "and yet the control totals differ by EUR 50.00.",
        ),
        (
            [{"state": "accepted", "difference": -1_200}],
            [0, 1],
            True,
            "agree, but for 1 accepted; what is known leaves the control totals apart by EUR 62.00.",
        ),
        (
            [{"state": "repaired", "difference": 1_200}],
            [],
            False,
            "No discrepancy stands over 4,812 orders and 4,790 documents, and yet the control totals differ",
        ),
    ],
)
def test_totals_that_differ_speak_up_unless_what_is_known_explains_them(
    rows: list[dict[str, object]], known: list[int], agree: bool, said: str
) -> None:
    found = night(*rows, totals=explained(APART, *known))
    assert said in sentence(found)
    assert summing.agrees(found) is agree


def test_totals_that_differ_are_told_beside_what_stands() -> None:
    found = night({"difference": 5, "state": "seen"}, totals=explained(APART, 0))
    assert sentence(found) == (
        "1 discrepancy (none new) over 4,812 orders and 4,790 documents; difference EUR 0.05; "
        "the control totals differ by EUR 12.00 more than that explains."
    )


def test_a_night_agrees_only_if_it_was_whole() -> None:
    assert summing.agrees(night())
    assert summing.agrees(night({"state": "accepted"}))
    assert not summing.agrees(night({"state": "seen"}))
    assert not summing.agrees(night(gaps=["x"]))
    assert not summing.agrees(night(matched=1))


def test_a_split_of_net_and_tax_that_differs_is_a_difference_though_gross_agrees() -> None:
    found = night(totals=totals(("2026-09", "EUR", "bills", "X", 1_000, 900, 0, 100)))
    assert summing.apart(found) == {"EUR": 100}
    assert len(summing.differing(found)) == 1


def test_counts_are_of_lives_and_what_was_looked_at() -> None:
    found = counts(night({}, {"state": "seen"}, {"state": "gone"}, gaps=["x"]))
    lives = {life.value: found[life.value] for life in Life}
    assert lives == {"open": 1, "seen": 1, "accepted": 0, "repaired": 0, "gone": 1}
    assert (found["stand"], found["orders"], found["gaps"]) == (2, 4_812, 1)


def test_what_is_gone_was_ended_by_others_than_this_run() -> None:
    assert aside(night({}, {"state": "seen"})) == ""
    assert aside(night({"state": "gone"}, {"state": "repaired"}, {"state": "accepted"})) == (
        "1 repaired, 1 gone (ended by people, or by other runs), 1 accepted."
    )


@pytest.mark.parametrize(
    ("compared", "matched", "rows", "said"),
    [
        (4_780, 4_780, [], "100 %"),
        (200_000, 199_999, [{}], "99.99 %"),
        (3, 2, [{}], "66.66 %"),
        (4_780, 4_780, [{"state": "accepted"}], "every pair, but not everything"),
        (0, 0, [], "no pairs"),
    ],
)
def test_the_share_is_rounded_down(
    compared: int, matched: int, rows: list[dict[str, object]], said: str
) -> None:
    assert summing.share(night(*rows, compared=compared, matched=matched)) == said


def test_the_artifact_is_short_and_begins_with_the_verdict() -> None:
    months = [(f"20{y}-{m:02}", "EUR", "bills", "X", 100, 90, 0, 0) for y in (25, 26) for m in range(1, 13)]
    found = night(discrepancies=many(5_000), totals=totals(*months), organisation="A|B <b>*")
    text = markdown(found)
    assert text.startswith(f"**{sentence(found)}**")
    assert len([line for line in text.splitlines() if line.startswith("|") and "---" not in line]) <= 45
    assert "A\\|B &lt;b&gt;\\*" in text
    assert "24 of 24 rows differ" in text
    assert "And 10 more." in text
    agreed = markdown(night(totals=totals(("2026-09", "EUR", "bills", "X", 1, 1, 0, 0))))
    assert "The control totals agree in all 1 rows." in agreed


def test_the_table_has_what_stands_first_and_a_thousand_rows() -> None:
    assert table(night()) == []
    rows = table(night({"state": "gone"}, {"state": "accepted"}, {"difference": -1_250, "state": "seen"}))
    assert [row["state"] for row in rows] == ["seen", "accepted", "gone"]
    assert rows[0]["difference"] == "EUR -12.50"
    assert list(rows[0]) == [
        "state", "kind", "order", "document", "contact", "date", "Monstock", "Xero", "difference", "age", "cause",
        "repair", "advice", "id",
    ]  # fmt: skip
    assert len(table(night(discrepancies=many(3_000)))) == 1_000
