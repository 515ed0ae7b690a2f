"""What differs between two frames: case by case, and beside a plain loop."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.comparing.differences import KINDS, Differences, differences
from tasks.comparing.wording import worded

NUMBERS = ("line_count", "gross", "tax", "net", "paid", "credited", "due")
DATES = ("date", "due_date")
DTYPES = dict.fromkeys(NUMBERS, "int64") | dict.fromkeys(DATES, "datetime64[s]")
# What both sides agree on, where a case says nothing else.
ROW: dict[str, Any] = {
    "key": "A",
    "number": "MS-A",
    "reference": "A",
    "contact": "c-1",
    "currency": "GBP",
    "date": "2026-10-01",
    "due_date": "2026-10-31",
    "line_count": 3,
    "gross": 12_000,
    "tax": 2_000,
    "net": 10_000,
    "lines": "3f",
    "paid": 0,
    "credited": 0,
    "due": 12_000,
    "status": "AUTHORISED",
    "link": "d-1",
}
Row = Mapping[str, Any]
# Kind, position in ours and in theirs, difference, both texts.
Told = tuple[str, int, int, int | None, str, str]


def framed(rows: list[Row], names: list[str] | None = None, texts: str = "str") -> pd.DataFrame:
    names = list(ROW) if names is None else names
    columns = {name: [row[name] for row in rows] for name in names}
    return pd.DataFrame(
        {name: pd.Series(values, dtype=DTYPES.get(name, texts)) for name, values in columns.items()}
    )


def told(ours: pd.DataFrame, theirs: pd.DataFrame, found: Differences) -> list[Told]:
    table = pd.concat([found.discrepancies, worded(found.discrepancies, ours, theirs)], axis=1)
    rows = table.astype("object").itertuples(index=False, name=None)
    return [(kind, one, other, None if by is pd.NA else by, *texts) for kind, one, other, by, *texts in rows]


def compared(ours: list[Row], theirs: list[Row], names: list[str] | None = None) -> list[Told]:
    one, other = framed(ours, names), framed(theirs, names)
    return told(one, other, differences(one, other, "key"))


SUMS = "net 100.00, tax 20.00, gross 120.00 (3f)"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({"number": "X"}, [("number", None, "MS-A", "X")], id="number"),
        pytest.param({"reference": ""}, [("reference", None, "A", "")], id="no reference"),
        pytest.param({"contact": None}, [("contact", None, "c-1", "")], id="no contact"),
        pytest.param({"currency": "EUR"}, [("currency", None, "GBP", "EUR")], id="currency"),
        pytest.param({"date": "2026-11-01"}, [("date", None, "2026-10-01", "2026-11-01")], id="date"),
        pytest.param({"due_date": None}, [("due date", None, "2026-10-31", "")], id="no due date"),
        pytest.param(
            {"line_count": 1, "gross": 12_100, "tax": 0, "net": 0, "lines": ""},
            [("line count", -100, f"3 lines, {SUMS}", "1 line, net 0.00, tax 0.00, gross 121.00")],
            id="line count, before all other amounts",
        ),
        pytest.param(
            {"line_count": 2},
            [("line count", None, f"3 lines, {SUMS}", f"2 lines, {SUMS}")],
            id="line count alone",
        ),
        pytest.param(
            {"gross": 11_999, "tax": 0, "lines": ""},
            [("gross amount", 1, SUMS, "net 100.00, tax 0.00, gross 119.99")],
            id="gross, before tax",
        ),
        pytest.param(
            {"tax": 2_001, "net": 9_999, "lines": ""},
            [("tax", -1, SUMS, "net 99.99, tax 20.01, gross 120.00")],
            id="tax, before net",
        ),
        pytest.param(
            {"net": -5, "lines": ""},
            [("net amount", 10_005, SUMS, "net -0.05, tax 20.00, gross 120.00")],
            id="net, before lines",
        ),
        pytest.param({"lines": "4e"}, [("lines", None, "3 lines (3f)", "3 lines (4e)")], id="lines"),
        pytest.param(
            {"paid": 1_250, "credited": 1, "status": "PAID"},
            [("paid amount", -1_250, "0.00", "12.50")],
            id="paid, before the rest",
        ),
        pytest.param(
            {"credited": 7, "status": "PAID"}, [("credited amount", -7, "0.00", "0.07")], id="credited"
        ),
        pytest.param(
            {"status": "PAID", "due": 0, "link": ""},
            [("status", None, "AUTHORISED", "PAID")],
            id="status, before due",
        ),
        pytest.param({"due": 0, "link": ""}, [("amount due", 12_000, "120.00", "0.00")], id="due"),
        pytest.param({"link": "d-2"}, [("link", None, "d-1", "d-2")], id="link"),
        pytest.param(
            {"number": "X", "date": "2026-10-02", "gross": 0, "link": ""},
            [
                ("number", None, "MS-A", "X"),
                ("date", None, "2026-10-01", "2026-10-02"),
                ("gross amount", 12_000, SUMS, "net 100.00, tax 20.00, gross 0.00 (3f)"),
                ("link", None, "d-1", ""),
            ],
            id="one of each group",
        ),
    ],
)
def test_a_pair(changes: Row, expected: list[tuple[str, int | None, str, str]]) -> None:
    assert compared([ROW], [{**ROW, **changes}]) == [(kind, 0, 0, *rest) for kind, *rest in expected]


def keyed(*keys: str | None) -> list[Row]:
    """A row for each key; the amounts tell them apart."""
    return [{"key": key, "gross": 100 + at} for at, key in enumerate(keys)]


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        pytest.param([], [], [], id="nothing at all"),
        pytest.param(["A"], [], [("document missing", 0, -1, 100, "gross 1.00", "")], id="ours only"),
        pytest.param(
            [], ["A"], [("document without order", -1, 0, -100, "", "gross 1.00")], id="theirs only"
        ),
        pytest.param(["A", "B"], ["B"], [
            ("gross amount", 1, 0, 1, "gross 1.01", "gross 1.00"),
            ("document missing", 0, -1, 100, "gross 1.00", ""),
        ], id="in another place"),
        pytest.param(["", None], [None, ""], [
            ("document missing", 0, -1, 100, "gross 1.00", ""),
            ("document missing", 1, -1, 101, "gross 1.01", ""),
            ("document without order", -1, 0, -100, "", "gross 1.00"),
            ("document without order", -1, 1, -101, "", "gross 1.01"),
        ], id="without a key"),
        pytest.param(["A"], ["A", "A", "A"], [
            ("several documents", 0, 1, -101, "gross 1.00", "gross 1.01"),
            ("several documents", 0, 2, -102, "gross 1.00", "gross 1.02"),
        ], id="theirs again"),
        pytest.param(["A", "A"], ["A"], [
            ("several documents", 1, 0, 101, "gross 1.01", "gross 1.00"),
        ], id="ours again"),
        pytest.param(["A", "A"], ["B", "B"], [
            ("document missing", 0, -1, 100, "gross 1.00", ""),
            ("document without order", -1, 0, -100, "", "gross 1.00"),
            ("several documents", 1, -1, 101, "gross 1.01", ""),
            ("several documents", -1, 1, -101, "", "gross 1.01"),
        ], id="again on one side only"),
    ],
)  # fmt: skip
def test_keys(ours: list[str | None], theirs: list[str | None], expected: list[Told]) -> None:
    assert compared(keyed(*ours), keyed(*theirs), ["key", "gross"]) == expected


@pytest.mark.parametrize("texts", ["str", "object", "category"])
def test_missing_texts_are_equal(texts: str) -> None:
    ours = framed([{**ROW, "reference": ""}, {**ROW, "key": "B", "reference": None}], texts=texts)
    theirs = framed([{**ROW, "reference": None}, {**ROW, "key": "B", "reference": ""}], texts=texts)
    found = differences(ours, theirs, "key")
    assert (found.compared, found.agreed, len(found.discrepancies)) == (2, 2, 0)


def test_missing_dates_are_equal_and_units_do_not_matter() -> None:
    rows = [{**ROW, "date": None}, {**ROW, "key": "B"}]
    ours, theirs = framed(rows), framed(rows).astype({"date": "datetime64[ns]", "due_date": "datetime64[us]"})
    assert differences(ours, theirs, "key").agreed == 2


def test_categories_of_both_sides_need_not_be_the_same() -> None:
    rows = [{**ROW, "key": str(at), "status": status} for at, status in enumerate(["PAID", "DRAFT", "", "X"])]
    ours, theirs = framed(rows), framed([*rows[:3], {**rows[3], "status": "A"}])
    for one, other in (("category", "category"), ("category", "str"), ("str", "category")):
        found = differences(ours.astype({"status": one}), theirs.astype({"status": other}), "key")
        assert told(ours, theirs, found) == [("status", 3, 3, None, "X", "A")]


def test_only_columns_of_both_sides_are_compared() -> None:
    names = ["key", "tax", "line_count", "reference"]
    one = framed([{**ROW, "line_count": 1}], [*names, "gross"])
    other = framed([{**ROW, "gross": 1, "net": 1, "status": "X"}], [*names, "net", "status"])
    assert told(one, other, differences(one, other, "key")) == [
        ("line count", 0, 0, None, "1 line, tax 20.00, gross 120.00", "3 lines, net 0.01, tax 20.00")
    ]


def test_without_amounts() -> None:
    assert compared([{"key": "A"}], [{"key": "B"}], ["key"]) == [
        ("document missing", 0, -1, None, "", ""),
        ("document without order", -1, 0, None, "", ""),
    ]


def test_the_labels_of_rows_mean_nothing() -> None:
    rows = [{**ROW, "key": key} for key in "ABC"]
    ours = framed(rows).set_axis([7, 7, 7])
    theirs = framed([{**rows[2], "gross": 1, "status": "X"}, rows[0]]).set_axis([3, 3])
    found = differences(ours, theirs, "key")
    assert found.ours.tolist() == [0, 2]
    assert found.theirs.tolist() == [1, 0]
    assert [row[:3] for row in told(ours, theirs, found)] == [
        ("gross amount", 2, 0),
        ("status", 2, 0),
        ("document missing", 1, -1),
    ]
    some = found.discrepancies.iloc[[2, 0]]
    texts = worded(some, ours, theirs)
    assert texts.index.tolist() == [2, 0]
    assert texts["ours"].tolist() == ["gross 120.00", SUMS]


def test_the_key_may_be_a_column_that_is_compared() -> None:
    one, other = framed([ROW]), framed([{**ROW, "key": "Z"}])
    assert differences(one, other, "number").agreed == 1


@pytest.mark.parametrize(
    ("column", "dtype"), [("gross", "float64"), ("paid", "object"), ("date", "str"), ("due_date", "int64")]
)
def test_what_cannot_be_compared_is_refused(column: str, dtype: str) -> None:
    frame = framed([ROW])
    with pytest.raises(TypeError, match=f"{column} must be"):
        differences(frame, frame.assign(**{column: frame[column].astype(dtype)}), "key")


def test_a_key_that_is_not_there() -> None:
    with pytest.raises(KeyError):
        differences(framed([ROW]), framed([ROW]), "order_id")


TEXT = st.sampled_from([None, "", "a", "b"])
CENTS = st.integers(-2, 2) | st.integers(-(10**15), 10**15)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(ROW, TEXT),
    **dict.fromkeys(DATES, st.sampled_from([None, "2026-10-01", "2026-10-02"])),
    **dict.fromkeys(NUMBERS, CENTS),
    "line_count": st.integers(0, 2),
    "key": st.sampled_from([None, "", *"ABCDEF"]),
}
SIDE = st.lists(st.fixed_dictionaries(VALUES), max_size=8)
NAMES = st.sets(st.sampled_from(list(ROW))).map(lambda some: ["key", *sorted(some - {"key"})])
COUNTED = {name: name for name in NUMBERS} | {"line_count": "gross"}
GROUPS = [
    *([name] for name in ("number", "reference", "contact", "currency", "date", "due_date")),
    ["line_count", "gross", "tax", "net", "lines"],
    ["paid", "credited", "status", "due", "link"],
]
SAID = {
    "due_date": "due date", "line_count": "line count", "gross": "gross amount", "net": "net amount",
    "paid": "paid amount", "credited": "credited amount", "due": "amount due",
}  # fmt: skip


def kept(side: list[Row]) -> dict[str, int]:
    first: dict[str, int] = {}
    for at, row in enumerate(side):
        if row["key"]:
            first.setdefault(row["key"], at)
    return first


def of_a_pair(one: Row, other: Row, names: set[str]) -> list[tuple[str, int | None]]:
    found = []
    for group in GROUPS:
        different = [n for n in group if n in names and (one[n] or None) != (other[n] or None)]
        for name in different[:1]:
            counted = COUNTED.get(name)
            by = one[counted] - other[counted] if counted in names else 0
            found.append((SAID.get(name, name), by or None))
    return found


def naively(ours: list[Row], theirs: list[Row], names: set[str]) -> tuple[set[Any], dict[int, int], int]:
    """All discrepancies without texts, the pairs, and how many of them agree."""
    first, second = kept(ours), kept(theirs)
    pairs = {at: second[key] for key, at in first.items() if key in second}
    found: set[Any] = set()
    agreed = 0
    for one, other in pairs.items():
        different = of_a_pair(ours[one], theirs[other], names)
        agreed += not different
        found |= {(kind, one, other, by) for kind, by in different}
    for sign, side, own, facing in ((1, ours, first, second), (-1, theirs, second, first)):
        for at, row in enumerate(side):
            key, by = row["key"], (sign * row["gross"] if "gross" in names else 0) or None
            other = facing.get(key, -1)
            again = bool(key) and own[key] != at
            if again or other == -1:
                kind = "document missing" if sign == 1 else "document without order"
                where = (at, other) if sign == 1 else (other, at)
                found.add(("several documents" if again else kind, *where, by))
    return found, pairs, agreed


@given(
    SIDE, SIDE, NAMES, st.sampled_from(["str", "object", "category"]), st.sampled_from(["str", "category"])
)
def test_as_a_plain_loop_finds_it(
    ours: list[Row], theirs: list[Row], names: list[str], text: str, other_text: str
) -> None:
    one, other = framed(ours, names, text), framed(theirs, names, other_text)
    result = differences(one, other, "key")
    found, pairs, agreed = naively(ours, theirs, set(names))
    rows = told(one, other, result)
    assert len(rows) == len(found)
    assert {row[:4] for row in rows} == found
    assert dict(zip(result.ours.tolist(), result.theirs.tolist(), strict=True)) == pairs
    assert (result.compared, result.agreed) == (len(pairs), agreed)
    assert result.discrepancies["kind"].dtype == KINDS
    assert result.discrepancies.dtypes["difference"] == "Int64"


@given(SIDE, SIDE)
def test_differences_in_gross_add_up(ours: list[Row], theirs: list[Row]) -> None:
    rows = compared(ours, theirs, ["key", "gross"])
    whole = sum(row["gross"] for row in ours) - sum(row["gross"] for row in theirs)
    assert sum(by or 0 for _, _, _, by, *_ in rows) == whole


@given(st.lists(st.integers(-(10**17), 10**17), min_size=1))
def test_amounts_are_written_to_the_cent(cents: list[int]) -> None:
    frame = pd.DataFrame({"key": [str(at) for at in range(len(cents))], "paid": cents})
    found = differences(frame, frame.assign(paid=frame["paid"] + 1), "key")
    texts = worded(found.discrepancies, frame, frame)["ours"].tolist()
    assert texts == [f"{'-' * (c < 0)}{abs(c) // 100}.{abs(c) % 100:02}" for c in cents]


def test_sides_in_the_same_order_are_compared_as_they_stand() -> None:
    numbers = np.arange(1_000)
    ours = pd.DataFrame({"key": [f"{n:05}" for n in numbers], "gross": numbers, "status": "PAID"})
    theirs = ours.assign(gross=numbers + (numbers == 7))
    found = differences(ours, theirs, "key")
    assert (found.theirs == numbers).all()
    assert told(ours, theirs, found) == [("gross amount", 7, 7, -1, "gross 0.07", "gross 0.08")]
