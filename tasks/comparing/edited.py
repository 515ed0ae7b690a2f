"""What somebody changed in Xero: documents of ours beside themselves as our last write left them."""

import pandas as pd

from tasks.comparing.differences import differences
from tasks.comparing.sides import OURS, Positions, Sides, found, groups, moment, where
from tasks.comparing.wording import bracketed, worded
from tasks.domain.discrepancies import DiscrepancyKind

_FIELDS = {
    "number": "number",
    "reference": "reference",
    "contact": "contact_id",
    "currency": "currency",
    "date": "date",
    "due_date": "due_date",
    "line_count": "line_count",
    "gross": "gross",
    "tax": "tax",
    "net": "net",
    "lines": "lines",
}
_CODE = 8  # digits of a contact's id, up to its first dash
_NUMBERS = dict.fromkeys(["line_count", "gross", "tax", "net"], "int64")


def edited(sides: Sides) -> tuple[list[pd.DataFrame], "pd.Series[bool]"]:
    """The discrepancies, and of each order whether its document is among them."""
    # What was sent and never answered may be our own doing.
    written = (sides.orders["written_currency"] != "") & (sides.orders["sent_in"] == "")
    at = where(sides.standing & sides.orders["origin"].isin(OURS) & written)
    ours, theirs = _written(sides, at), _standing(sides, at)
    apart = differences(ours, theirs, "document_id").discrepancies
    both = worded(apart, *_named(sides, at, ours, theirs))
    rows = [_kind(sides, at, kind, apart.loc[rows], both.loc[rows]) for kind, rows in groups(apart)]
    changed = pd.Series(False, index=sides.orders.index)
    changed.iloc[at[apart["ours"].to_numpy()]] = True
    return rows, changed


def _written(sides: Sides, at: Positions) -> pd.DataFrame:
    orders = sides.orders.take(at)
    names = {f"written_{old}": new for new, old in _FIELDS.items()}
    return _typed(orders[["document_id", *names]].rename(columns=names), _known(sides, at))


def _standing(sides: Sides, at: Positions) -> pd.DataFrame:
    own = sides.own.take(at)
    names = {old: new for new, old in _FIELDS.items()}
    return _typed(own[["document_id", *names]].rename(columns=names), _known(sides, at))


def _known(sides: Sides, at: Positions) -> "pd.Series[bool]":
    """Whether the lines of both are known: not every answer of Xero's shows them."""
    known: pd.Series[bool] = (sides.orders["written_lines"].take(at) != "") & (
        sides.own["lines"].take(at) != ""
    )
    return known.reset_index(drop=True)


def _typed(rows: pd.DataFrame, known: "pd.Series[bool]") -> pd.DataFrame:
    full = rows.reset_index(drop=True).fillna(dict.fromkeys(_NUMBERS, 0)).astype(_NUMBERS)
    return full.assign(lines=full["lines"].where(known, ""), line_count=full["line_count"].where(known, 0))


def _named(
    sides: Sides, at: Positions, ours: pd.DataFrame, theirs: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """For people: contacts by their names, which several may bear: Xero's with its id."""
    orders, own = sides.orders.take(at), sides.own.take(at)
    named = own["contact_name"].fillna("") + bracketed(own["contact_id"], _CODE)
    return ours.assign(contact=orders["contact_name"].array), theirs.assign(contact=named.array)


def _kind(
    sides: Sides, at: Positions, kind: DiscrepancyKind, apart: pd.DataFrame, both: pd.DataFrame
) -> pd.DataFrame:
    o = at[apart["ours"].to_numpy()]
    d = sides.place[o]
    orders = sides.orders.take(o).reset_index(drop=True)
    changed = sides.documents["changed_at"].take(d).reset_index(drop=True)
    cause = "edited in Xero at " + moment(changed) + "; written last in run " + orders["written_run_id"]
    currencies = orders["written_currency"], sides.documents["currency"].take(d).reset_index(drop=True)
    foreign = (currencies[0] != currencies[1]) & (kind.name in _NUMBERS)
    ours, theirs = (
        said.where(~foreign, currency + " " + said)
        for said, currency in zip(
            (both["ours"].reset_index(drop=True), both["theirs"].reset_index(drop=True)),
            currencies,
            strict=True,
        )
    )
    return found(
        sides,
        kind,
        o,
        d,
        ours=ours,
        theirs=theirs,
        difference=apart["difference"].reset_index(drop=True).mask(foreign),
        since=changed,
        cause=cause,
    )
