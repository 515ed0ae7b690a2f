"""Rows become the same columns, whichever way a driver tells what they are."""

from datetime import UTC, date, datetime, timedelta, timezone

import pandas as pd
import pytest

from tasks.comparing.sums import _type
from tasks.ledger.frames import typed

AT = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "told", "become"),
    [
        ("net", ["12.50", "-0.07", "", None], [1250, -7, None, None]),
        ("written_gross", ["19.99"], [1999]),
        ("reference", ["MS-1", "", None], ["MS-1", "", ""]),
        ("findings", [None, None], ["", ""]),
        ("date", ["2026-10-01", None], [datetime(2026, 10, 1), None]),  # noqa: DTZ001
        ("written_due_date", [date(2026, 10, 1), None], [datetime(2026, 10, 1), None]),  # noqa: DTZ001
        ("since", ["2026-10-01 09:30:00.000000", None], [AT, None]),
        ("written_at", [AT.astimezone(timezone(timedelta(hours=2))), None], [AT, None]),
        (
            "changed_at",
            ["2026-10-01T11:30:00+02:00", "2026-10-01T09:30:00.000Z", "", None],
            [AT, AT, None, None],
        ),
        ("line_count", [3, None], [3, None]),
        ("sent", [1, 0, None], [True, False, False]),
        ("unreadable", [True, False], [True, False]),
    ],
)
def test_a_column_is_what_its_name_says(name, told, become):
    column = typed([name], [(one,) for one in told]).column(0).to_pylist()
    assert column == become


def test_no_rows_have_the_same_types():
    some, none = typed(["net", "since", "sent"], [("1.00", None, None)]), typed(["net", "since", "sent"], [])
    assert some.schema == none.schema


def test_a_tax_type_that_is_the_only_one_is_told_however_it_is_written():
    taxes = [
        '{"OUTPUT2":["1.00","0.20"]}',
        "",
        '{"A":["1.00","0.20"],"B":["1.00","0.00"]}',
        '{ "A\\"B" :["1","0"]}',
        "{}",
    ]
    types = _type(pd.Series(taxes, index=[4, 3, 2, 1, 0], dtype="str"))
    assert types.index.tolist() == [4, 3, 2, 1, 0]
    assert [None if pd.isna(one) else one for one in types] == ["OUTPUT2", "", None, 'A"B', ""]
