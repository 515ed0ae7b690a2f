"""Everything in which two frames differ: orders beside documents, column by column and never row by row."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks.comparing.pairing import NOBODY, Pairing, Positions, pairing
from tasks.domain.discrepancies import DiscrepancyKind

KINDS: "pd.CategoricalDtype[Any]" = pd.CategoricalDtype([kind.value for kind in DiscrepancyKind])
# Each column is called as its kind. Of a group's columns only the first that differs is a discrepancy.
GROUPS = (
    ("number",),
    ("reference",),
    ("contact",),
    ("currency",),
    ("date",),
    ("due_date",),
    ("line_count", "gross", "tax", "net", "lines"),
    ("paid", "credited", "status", "due", "link"),
)
DATES = frozenset({"date", "due_date"})
NUMBERS = frozenset({"line_count", "gross", "tax", "net", "paid", "credited", "due"})
# The amount by which a discrepancy of that column counts.
_COUNTED = {name: name for name in NUMBERS} | {"line_count": "gross"}

Column: TypeAlias = "pd.Series[Any]"
Cents = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Differences:
    """What a comparison found.

    A row of `discrepancies` is one: `kind` (category), `ours` and `theirs` (positions of rows, -1 where there is none)
    and `difference` (Int64, cents, ours less theirs: of the amount that the kind is about, the gross of a line count
    and of a row that stands alone or once too often; NA where no amount differs). They come kind by kind,
    within one by position. Row `ours[i]` was compared with row `theirs[i]`; `agreed` of these pairs differ in nothing.
    """

    discrepancies: pd.DataFrame
    ours: Positions
    theirs: Positions
    agreed: int

    @property
    def compared(self) -> int:
        """How many pairs were compared."""
        return len(self.ours)


class _Found(NamedTuple):
    kind: DiscrepancyKind
    ours: Positions
    theirs: Positions
    difference: Cents


def differences(ours: pd.DataFrame, theirs: pd.DataFrame, key: str) -> Differences:
    """Join orders (`ours`) and documents (`theirs`) by the text column `key`, and classify what differs.

    Columns of `GROUPS` that stand in both frames are compared: dates as datetime64, amounts (cents) and counts as
    integers, the others as text, of which "" and NA are equal. The first row of a key pairs with the first one of
    the other side; rows without a key pair with nothing. Raises KeyError if a frame lacks the key, and TypeError if an
    amount is no integer or a date no datetime64.
    """
    rows = pairing(ours[key], theirs[key])
    agree = np.ones(len(rows.ours), dtype=bool)
    found: list[_Found] = []
    for group in GROUPS:
        names = [name for name in group if name in ours and name in theirs and name != key]
        found += _in_group(names, ours, theirs, rows, agree)
    found += _alone(ours, theirs, rows)
    return Differences(_framed(found), rows.ours, rows.theirs, int(agree.sum()))


def _in_group(
    names: list[str], ours: pd.DataFrame, theirs: pd.DataFrame, rows: Pairing, agree: Mask
) -> Iterator[_Found]:
    """The first difference of each pair within a group; `agree` forgets the pairs that have one."""
    fresh = np.ones(len(agree), dtype=bool)
    for name in names:
        at = np.flatnonzero(_differ(name, ours[name], theirs[name], rows) & fresh)
        fresh[at] = agree[at] = False
        one, other = rows.ours[at], rows.theirs[at]
        counted = _COUNTED.get(name, "")
        by = np.zeros(len(at), dtype=np.int64)
        if counted in ours and counted in theirs:
            by += _cents(ours, one, counted) - _cents(theirs, other, counted)
        yield _Found(DiscrepancyKind[name], one, other, by)


def _alone(ours: pd.DataFrame, theirs: pd.DataFrame, rows: Pairing) -> Iterator[_Found]:
    """The rows that pair with nothing."""
    nobody = np.full(max(len(rows.ours_alone), len(rows.theirs_alone)), NOBODY, dtype=np.intp)
    one, other = rows.ours_alone, rows.theirs_alone
    yield _Found(DiscrepancyKind.missing, one, nobody[: len(one)], _cents(ours, one))
    yield _Found(DiscrepancyKind.unmatched, nobody[: len(other)], other, -_cents(theirs, other))
    one, other = rows.ours_again, rows.theirs_again
    yield _Found(DiscrepancyKind.several, one, rows.ours_facing, _cents(ours, one))
    yield _Found(DiscrepancyKind.several, rows.theirs_facing, other, -_cents(theirs, other))


def _differ(name: str, ours: Column, theirs: Column, rows: Pairing) -> Mask:
    """Which pairs differ in this column."""
    if name in NUMBERS:
        return np.asarray(_values(ours, rows.ours, "i") != _values(theirs, rows.theirs, "i"))
    if name in DATES:
        one, other = _values(ours, rows.ours, "M"), _values(theirs, rows.theirs, "M")
        return np.asarray((one != other) & ~(np.isnat(one) & np.isnat(other)))
    return _texts_differ(_rows(ours, rows.ours), _rows(theirs, rows.theirs))


def _texts_differ(ours: Column, theirs: Column) -> Mask:
    if all(isinstance(side.dtype, pd.CategoricalDtype) for side in (ours, theirs)):
        # What is no category any more becomes NA, and so does "".
        texts = ours.cat.categories.union(theirs.cat.categories).difference([""])
        one, other = (side.cat.set_categories(texts).cat.codes.to_numpy() for side in (ours, theirs))
        return np.asarray(one != other)
    return np.asarray(ours.astype("str").fillna("").array != theirs.astype("str").fillna("").array)


def _cents(frame: pd.DataFrame, at: Positions, name: str = "gross") -> Cents:
    """An amount of these rows; zero if the frame has none."""
    if name not in frame:
        return np.zeros(len(at), dtype=np.int64)
    return _values(frame[name], at, "i").astype(np.int64, copy=False)


def _values(column: Column, at: Positions, kind: str) -> npt.NDArray[Any]:
    """These rows of a column of numbers (`i`) or dates (`M`)."""
    if not len(at):
        return np.zeros(0, dtype="int64" if kind == "i" else "M8[s]")
    if not isinstance(column.dtype, np.dtype) or column.dtype.kind != kind:
        wanted = "whole cents or counts" if kind == "i" else "dates"
        raise TypeError(f"{column.name} must be {wanted}, and is {column.dtype}")
    values = column.to_numpy()
    return values if _in_order(at, len(values)) else values.take(at)


def _rows(column: Column, at: Positions) -> Column:
    return column if _in_order(at, len(column)) else column.take(at)


def _in_order(at: Positions, length: int) -> bool:
    """Whether these are all rows as they stand, so that nothing need be copied."""
    return len(at) == length and bool((at == np.arange(length)).all())


def _framed(found: list[_Found]) -> pd.DataFrame:
    difference = np.concatenate([some.difference for some in found])
    codes = {kind: code for code, kind in enumerate(DiscrepancyKind)}
    kinds = [codes[some.kind] for some in found]
    return pd.DataFrame(
        {
            "kind": pd.Categorical.from_codes(np.repeat(kinds, [len(s.ours) for s in found]), dtype=KINDS),
            "ours": np.concatenate([some.ours for some in found]),
            "theirs": np.concatenate([some.theirs for some in found]),
            "difference": pd.arrays.IntegerArray(difference, difference == 0),
        }
    )
