"""What a night looks at, and what reading it costs."""

import datetime as dt

import pandas as pd
import pytest

from tasks.importing.listing import LISTED
from tasks.importing.steps import Span
from tasks.ledger.columns import Part
from tasks.reconciling.reading import spans
from tasks.reconciling.window import Window
from tasks.xero.endpoints import PURCHASE_ORDERS

D = dt.date
MANY = 200_000
NOW = dt.datetime(2026, 11, 24, 2, 30, tzinfo=dt.UTC)
SINCE = dt.datetime(2026, 10, 20, 2, 30, tzinfo=dt.UTC)
WHOLE = [Part(D(2026, 10, 1), D(2026, 11, 1)), Part(D(2026, 11, 1), D(2026, 11, 25)), Part(dated=False)]


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (D(2026, 11, 5), D(2026, 11, 5), [(D(2026, 11, 5), D(2026, 11, 6))]),
        (D(2026, 11, 1), D(2026, 11, 30), [(D(2026, 11, 1), D(2026, 12, 1))]),
        (
            D(2026, 11, 30),
            D(2026, 12, 1),
            [(D(2026, 11, 30), D(2026, 12, 1)), (D(2026, 12, 1), D(2026, 12, 2))],
        ),
        (
            D(2026, 12, 31),
            D(2027, 2, 1),
            [
                (D(2026, 12, 31), D(2027, 1, 1)),
                (D(2027, 1, 1), D(2027, 2, 1)),
                (D(2027, 2, 1), D(2027, 2, 2)),
            ],
        ),
        (D(2028, 2, 29), D(2028, 2, 29), [(D(2028, 2, 29), D(2028, 3, 1))]),
    ],
)
def test_a_period_is_cut_where_months_begin(first: D, last: D, expected: list[tuple[D, D]]) -> None:
    span = (D(2000, 1, 1), D(2030, 1, 1))
    *parts, elsewhere = Window(NOW, (first, last)).parts(span, MANY)
    assert parts == [Part(*bounds) for bounds in expected]
    assert elsewhere == Part(first, last + dt.timedelta(days=1), elsewhere=True)
    assert all(part.whole for part in parts)


def test_without_a_period_the_latest_months_are_whole_and_the_earlier_ones_are_what_moves() -> None:
    parts = list(Window(NOW).parts((D(2026, 8, 15), D(2026, 11, 20)), MANY))
    assert parts == [
        Part(D(2026, 8, 15), D(2026, 9, 1), SINCE),
        Part(D(2026, 9, 1), D(2026, 10, 1), SINCE),
        *WHOLE,
    ]
    assert [part.whole for part in parts] == [False, False, True, True, False]


@pytest.mark.parametrize(
    "span",
    [
        None,
        (D(2026, 11, 3), D(2026, 11, 20)),
        (D(2026, 10, 1), D(2026, 11, 24)),
        (D(2026, 10, 5), D(2026, 10, 5)),
    ],
)
def test_what_is_recent_is_compared_up_to_today_whatever_the_ledger_has(span: tuple[D, D] | None) -> None:
    assert list(Window(NOW).parts(span, MANY)) == WHOLE


def test_what_is_dated_ahead_is_compared_too() -> None:
    parts = list(Window(NOW).parts((D(2026, 9, 30), D(2027, 1, 1)), MANY))
    assert parts[0] == Part(D(2026, 9, 30), D(2026, 10, 1), SINCE)
    assert parts[-3:] == [
        Part(D(2026, 12, 1), D(2027, 1, 1)),
        Part(D(2027, 1, 1), D(2027, 1, 2)),
        Part(dated=False),
    ]


@pytest.mark.parametrize("period", [None, (D(2026, 7, 3), D(2026, 9, 9))])
def test_each_day_is_in_one_part(period: tuple[D, D] | None) -> None:
    span = (D(2026, 6, 17), D(2026, 12, 24))
    parts = [part for part in Window(NOW, period).parts(span, MANY) if part.dated and not part.elsewhere]
    first, last = period or span
    for ago in range((last - first).days + 1):
        day = first + dt.timedelta(days=ago)
        assert sum(part.first <= day < part.end for part in parts) == 1, day
    assert (parts[0].first, parts[-1].end) == (first, last + dt.timedelta(days=1))


def test_it_is_told_in_a_sentence() -> None:
    assert Window(NOW).sentence() == "what is open, and what changed since 2026-10-20"
    assert Window(NOW, (D(2026, 7, 3), D(2026, 9, 9))).sentence() == "dated 2026-07-03 to 2026-09-09"


def test_what_is_listed_in_xero() -> None:
    assert spans(Window(NOW)) == dict.fromkeys(LISTED)
    found = spans(Window(NOW, (D(2026, 7, 3), D(2026, 7, 31))))
    assert found == dict.fromkeys(LISTED, Span(D(2026, 7, 3), D(2026, 8, 1)))
    assert found[PURCHASE_ORDERS].params(PURCHASE_ORDERS) == {
        "DateFrom": "2026-07-03",
        "DateTo": "2026-07-31",
    }


def test_a_small_ledger_is_compared_at_once() -> None:
    parts = list(Window(NOW).parts((D(2025, 8, 15), D(2026, 11, 20)), MANY - 1))
    assert [part.whole for part in parts] == [False, True, False]
    whole, elsewhere = Window(NOW, (D(2025, 1, 1), D(2026, 11, 20))).parts(None, MANY - 1)
    assert (whole.first, whole.end) == (elsewhere.first, elsewhere.end)


def test_of_a_period_the_sums_of_its_own_months_and_days_are_told() -> None:
    """An order of February with a bill of March would add a bit of February to March."""
    totals = pd.DataFrame({"month": ["2026-02", "2026-03", "2026-04", "2026-05", ""], "ours_net": range(5)})
    days = pd.DataFrame({"date": pd.to_datetime(["2026-02-28", "2026-03-05", "2026-04-10", "2026-04-11"])})
    window = Window(NOW, (D(2026, 3, 5), D(2026, 4, 10)))
    assert window.months_of(totals)["ours_net"].tolist() == [1, 2]
    assert window.days_of(days)["date"].dt.date.tolist() == [D(2026, 3, 5), D(2026, 4, 10)]
    assert (len(Window(NOW).months_of(totals)), len(Window(NOW).days_of(days))) == (5, 4)
