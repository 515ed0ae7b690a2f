"""What both sides say about a discrepancy, in words; only the rows that differ are looked at."""

from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from tasks.comparing.pairing import NOBODY, Positions
from tasks.domain.discrepancies import DiscrepancyKind

Column: TypeAlias = "pd.Series[Any]"

_SUMS = ("net", "tax", "gross", "lines")
# Kinds that are told by other columns than their own, as far as a side has them. Of a group of columns only the first
# that differs is a discrepancy: it tells the rest as well, so that whoever lets it stand lets nothing else stand.
_TOLD: dict[str, tuple[str, ...]] = {
    DiscrepancyKind.line_count: ("line_count", *_SUMS),
    DiscrepancyKind.gross: _SUMS,
    DiscrepancyKind.tax: _SUMS,
    DiscrepancyKind.net: _SUMS,
    DiscrepancyKind.lines: ("line_count", "lines"),
    DiscrepancyKind.missing: ("gross",),
    DiscrepancyKind.unmatched: ("gross",),
    DiscrepancyKind.several: ("gross",),
}
_CODE = 6  # digits of a digest by which people tell one from another
_HUNDREDTHS = np.array([f".{cents:02}" for cents in range(100)])


def worded(discrepancies: pd.DataFrame, ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """The texts `ours` and `theirs` of each discrepancy, index for index.

    `discrepancies` are some or all of what `differences` found in these two frames. Amounts are written "12.50", days
    "2026-10-01"; a row that is not there, and what is not known, is "".
    """
    kinds = discrepancies["kind"].array
    texts = {
        "ours": _of_a_side(kinds, discrepancies["ours"].to_numpy(), ours),
        "theirs": _of_a_side(kinds, discrepancies["theirs"].to_numpy(), theirs),
    }
    return pd.DataFrame(texts).set_axis(discrepancies.index)


def _of_a_side(kinds: Any, rows: Positions, side: pd.DataFrame) -> Column:
    parts = [pd.Series(dtype="str")]
    for kind in kinds.unique():
        at = np.flatnonzero((kinds == kind) & (rows != NOBODY))
        names = [name for name in _TOLD.get(kind, (DiscrepancyKind(kind).name,)) if name in side]
        if names:
            parts.append(_told(kind, side[names].take(rows[at]).set_axis(at)))
    texts: Column = pd.concat(parts).reindex(range(len(rows)), fill_value="")
    return texts


def _told(kind: str, rows: pd.DataFrame) -> Column:
    if kind not in _TOLD:
        return _plain(rows.iloc[:, 0])
    text = _texts("", rows)
    for at, name in enumerate(rows.columns.drop("lines", errors="ignore")):
        text = text + (", " if at else "") + _named(rows[name])
    return text + bracketed(rows["lines"], _CODE) if "lines" in rows else text


def bracketed(column: Column, digits: int) -> Column:
    """The first digits of what tells one from another: " (4a90fe)"; nothing where that is not known."""
    known = column.astype("str").fillna("")
    text: Column = (" (" + known.str.slice(0, digits) + ")").where(known != "", "")
    return text


def _named(column: Column) -> Column:
    """With what it is: "gross 120.00", "3 lines"."""
    if column.name == "line_count":
        return _texts(column, column) + _texts(np.where(column == 1, " line", " lines"), column)
    return _texts(f"{column.name} ", column) + _amount(column)


def _plain(column: Column) -> Column:
    if column.dtype.kind == "i":
        return _amount(column)
    if column.dtype.kind == "M":
        return _texts(np.datetime_as_string(column.to_numpy(), unit="D"), column).mask(column.isna(), "")
    return column.astype("str").fillna("")


def _amount(column: Column) -> Column:
    cents = column.to_numpy()
    whole, hundredths = np.divmod(np.abs(cents), 100)
    sign = _texts(np.where(cents < 0, "-", ""), column)
    return sign + _texts(whole, column) + _texts(_HUNDREDTHS.take(hundredths), column)


def _texts(values: Any, column: "Column | pd.DataFrame") -> Column:
    """Values as texts, in the place of a column."""
    return pd.Series(values, column.index, dtype="str")
