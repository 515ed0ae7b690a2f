"""The night's tables as files for spreadsheets and for programs, written by columns."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from tasks.reconciling.amounts import decimals
from tasks.reconciling.night import COLUMNS, TOTALS, Night
from tasks.reconciling.summing import CENTS, marked

BOM = b"\xef\xbb\xbf"  # Excel takes a file for UTF-8 by it
# What a spreadsheet would take for a formula; a plain number is none, whatever its sign.
FORMULA, NUMBER = "^[=+\\-@\t\r\n＝＋－＠]", r"^[+-]?\d+([.,]\d+)*$"


def discrepancies(night: Night) -> pa.Table:
    """A row for each discrepancy and the columns of COLUMNS: text, date32, timestamps in UTC, decimal128(18,2)."""
    frame = night.discrepancies
    return pa.table({name: _column(frame[name], kind) for name, kind in COLUMNS.items()})


def control_totals(night: Night) -> pa.Table:
    """A row for each month, currency, kind and tax type; amounts as decimal128(18,2)."""
    frame = marked(night)
    texts = {name: _column(frame[name], "str") for name in TOTALS}
    return pa.table({**texts, **{name: _column(frame[name], "Int64") for name in CENTS}})


def write_csv(table: pa.Table, path: Path) -> None:
    """A file that opens in a spreadsheet as it is meant: UTF-8 with BOM, "12.50", times in UTC, and no formulas."""
    safe = pa.table({name: _as_text(table[name]) for name in table.column_names})
    with beside(path) as part, part.open("wb") as file:
        file.write(BOM)
        csv.write_csv(safe, file)


def write_parquet(table: pa.Table, path: Path) -> None:
    """The table with its types."""
    with beside(path) as part:
        parquet.write_table(table, part, compression="zstd")


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A place to write a file whose readers see the old one or the new one, never a half."""
    part = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _column(values: "pd.Series[Any]", kind: str) -> pa.Array:
    if kind == "Int64":
        return decimals(values)
    if kind == "str":
        return pa.array(values.fillna("").astype(str), pa.string())
    if "UTC" in kind:
        return pa.array(values, pa.timestamp("s", "UTC"))
    return pc.cast(pa.array(values, pa.timestamp("s")), pa.date32())


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_timestamp(column.type):
        return pc.strftime(column, "%Y-%m-%d %H:%M:%S")
    text = column.cast(pa.string())
    if not pa.types.is_string(column.type):
        return text
    risky = pc.and_not(pc.match_substring_regex(text, FORMULA), pc.match_substring_regex(text, NUMBER))
    return pc.if_else(risky, pc.binary_join_element_wise("'", text, ""), text)
