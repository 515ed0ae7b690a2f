"""A range cut into chunks: every day once, in order."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.periods import Chunk, Period, cut

D = dt.date


@pytest.mark.parametrize(
    ("first", "last", "chunk", "expected"),
    [
        (D(2026, 10, 30), D(2026, 11, 1), Chunk.day, ["2026-10-30", "2026-10-31", "2026-11-01"]),
        # Mondays are the 2nd and the 9th.
        (
            D(2026, 10, 30),
            D(2026, 11, 10),
            Chunk.week,
            ["2026-10-30 to 2026-11-01", "2026-11-02 to 2026-11-08", "2026-11-09 to 2026-11-10"],
        ),
        (D(2026, 12, 31), D(2027, 1, 31), Chunk.month, ["2026-12-31", "2027-01-01 to 2027-01-31"]),
        (D(2028, 2, 1), D(2028, 2, 29), Chunk.month, ["2028-02-01 to 2028-02-29"]),
        (D(2026, 11, 3), D(2026, 11, 2), Chunk.month, []),
    ],
)
def test_a_range_is_cut_where_weeks_and_months_begin(
    first: D, last: D, chunk: Chunk, expected: list[str]
) -> None:
    assert [str(period) for period in cut(Period(first, last), chunk)] == expected


@given(
    st.dates(D(2000, 1, 1), D(2040, 1, 1)), st.integers(min_value=0, max_value=800), st.sampled_from(Chunk)
)
def test_every_day_comes_once_and_in_order(first: D, days: int, chunk: Chunk) -> None:
    whole = Period(first, first + dt.timedelta(days=days))
    periods = list(cut(whole, chunk))
    covered = [
        period.first + dt.timedelta(days=day)
        for period in periods
        for day in range((period.last - period.first).days + 1)
    ]
    assert covered == [first + dt.timedelta(days=day) for day in range(days + 1)]
    longest = {Chunk.day: 1, Chunk.week: 7, Chunk.month: 31}[chunk]
    assert max((p.last - p.first).days + 1 for p in periods) <= longest


def test_dates_are_within_others_if_each_of_them_is() -> None:
    october = Period(D(2026, 10, 1), D(2026, 10, 31))
    assert october.is_within(october)
    assert Period(D(2026, 10, 31), D(2026, 10, 31)).is_within(october)
    assert not Period(D(2026, 10, 31), D(2026, 11, 1)).is_within(october)
    assert not Period(D(2026, 9, 30), D(2026, 10, 31)).is_within(october)
