"""What both sides come to, case by case and beside a plain loop."""

from collections import Counter
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.comparing.control_totals import AMOUNTS, TOTALS, control_totals, month_of

Part = tuple[Any, ...]
DTYPES = dict.fromkeys(AMOUNTS, "int64")


def framed(parts: list[Part], texts: str = "str") -> pd.DataFrame:
    columns = zip((*TOTALS, *AMOUNTS), zip(*parts, strict=True) if parts else [()] * 7, strict=True)
    return pd.DataFrame(
        {name: pd.Series(list(values), dtype=DTYPES.get(name, texts)) for name, values in columns}
    )


def test_what_both_sides_come_to() -> None:
    october = ("2026-10", "GBP", "ACCREC", "OUTPUT2")
    ours = [(*october, 100, 20, 120), (*october, 1, 0, 1), ("2026-09", "GBP", "ACCREC", "NONE", 5, 0, 5)]
    theirs = [(*october, 100, 21, 121), ("2026-10", "EUR", "ACCPAY", "NONE", 7, 1, 8)]
    totals = control_totals(framed(ours), framed(theirs))
    assert totals.to_dict("split")["columns"] == [
        *TOTALS,
        *(f"{side}_{amount}" for amount in AMOUNTS for side in ("ours", "theirs", "difference")),
        "ours_count",
        "theirs_count",
    ]
    assert totals.to_dict("split")["data"] == [
        ["2026-09", "GBP", "ACCREC", "NONE", 5, 0, 5, 0, 0, 0, 5, 0, 5, 1, 0],
        ["2026-10", "EUR", "ACCPAY", "NONE", 0, 7, -7, 0, 1, -1, 0, 8, -8, 0, 1],
        [*october, 101, 100, 1, 20, 21, -1, 121, 121, 0, 2, 1],
    ]


def test_nothing() -> None:
    totals = control_totals(framed([]), framed([]))
    assert totals.empty
    assert set(totals.dtypes.iloc[len(TOTALS) :].astype("str")) == {"int64"}


def test_a_column_that_is_not_there() -> None:
    with pytest.raises(KeyError):
        control_totals(framed([]).drop(columns="tax"), framed([]))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_months(unit: str) -> None:
    dates = pd.Series(["2026-10-31", None, "2025-01-01", "2026-10-01 23:59", "1969-12-31"], [3, 3, 1, 0, 2])
    months = month_of(dates.astype(f"datetime64[{unit}]"))
    assert months.tolist() == ["2026-10", "", "2025-01", "2026-10", "1969-12"]
    assert months.index.tolist() == [3, 3, 1, 0, 2]
    assert months.cat.categories.tolist() == ["", "1969-12", "2025-01", "2026-10"]


@pytest.mark.parametrize("dates", [[], [None, None]])
def test_no_months(dates: list[None]) -> None:
    months = month_of(pd.Series(dates, dtype="datetime64[s]"))
    assert months.tolist() == [""] * len(dates)


@given(st.lists(st.datetimes()))
def test_months_as_written_one_by_one(dates: list[Any]) -> None:
    months = month_of(pd.Series(dates, dtype="datetime64[us]"))
    assert months.tolist() == [f"{date:%Y}".zfill(4) + f"-{date:%m}" for date in dates]


TEXT = st.sampled_from([None, "", "a", "b"])
# Floats would lose cents of these.
CENTS = st.integers(-9, 9) | st.integers(-(2**58), 2**58)
PARTS = st.lists(st.tuples(TEXT, TEXT, TEXT, TEXT, CENTS, CENTS, CENTS), max_size=8)


def naively(ours: list[Part], theirs: list[Part]) -> list[list[Any]]:
    sums: Counter[Any] = Counter()
    for side, parts in (("ours", ours), ("theirs", theirs)):
        for part in parts:
            key = tuple(text or "" for text in part[:4])
            for name, cents in zip((*AMOUNTS, "count"), (*part[4:], 1), strict=True):
                sums[key, side, name] += cents
    rows = []
    for key in sorted({key for key, *_ in sums}):
        row = list(key)
        for name in AMOUNTS:
            one, other = sums[key, "ours", name], sums[key, "theirs", name]
            row += [one, other, one - other]
        rows.append([*row, sums[key, "ours", "count"], sums[key, "theirs", "count"]])
    return rows


@given(PARTS, PARTS, st.sampled_from(["str", "object", "category"]), st.sampled_from(["str", "category"]))
def test_as_a_plain_loop_adds_up(ours: list[Part], theirs: list[Part], text: str, other_text: str) -> None:
    totals = control_totals(framed(ours, text), framed(theirs, other_text))
    assert totals.to_dict("split")["data"] == naively(ours, theirs)
    assert set(totals.dtypes.iloc[len(TOTALS) :].astype("str")) == {"int64"}
