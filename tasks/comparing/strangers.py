"""Documents that no order has: unmatched, proposed, ours without an order, made twice, or not to be read."""

from typing import Any

import numpy as np
import pandas as pd

from tasks.comparing.sides import Positions, Sides, found, moment, money, told, where
from tasks.comparing.terms import Terms
from tasks.domain.discrepancies import DiscrepancyKind
from tasks.domain.outcomes import Cause

_SAME = ["type", "contact_id", "date", "gross", "currency"]
_BILL = "ACCPAY"


def strangers(sides: Sides, terms: Terms) -> list[pd.DataFrame]:
    """Every living document without an order, once each."""
    documents = sides.documents
    loose = sides.loose & sides.alive
    twice = loose & documents["findings"].str.contains(f'"{Cause.several_documents}"', regex=False)
    proposed = loose & ~twice & (documents["standing"] == "proposed")
    left = loose & ~twice & ~proposed & (documents["standing"] == "unmatched")
    ours = left.copy()
    ours[left] = documents["mark"][left].map(terms.is_ours).astype(bool)
    twins = _twins(sides, (left & ~ours) | proposed)
    equal = pd.Series(twins >= 0, index=documents.index)
    return [
        _several(sides, where(twice)),
        _proposed(sides, where(proposed & ~equal)),
        _of(sides, DiscrepancyKind.orphan, where(ours), "bears the mark " + documents["mark"][ours]),
        _duplicates(sides, where(equal), twins[where(equal)]),
        _of(
            sides,
            DiscrepancyKind.unmatched,
            where(left & ~ours & ~equal),
            _made(sides, left & ~ours & ~equal),
        ),
        _unreadable(sides),
    ]


def _twins(sides: Sides, asked: "pd.Series[bool]") -> Positions:
    """Of each document asked about, the other living one that it equals; -1: none.

    Both must have one reference, or the other one is an order's and names none. A bill has none in Xero: its number,
    the supplier's own, is its reference. Of equal ones that have no order, the first in order of id stands.
    """
    documents = sides.documents
    references = documents["reference"].where(documents["type"] != _BILL, documents["number"])
    rows = documents[_SAME].assign(at=range(len(documents)), asked=asked, reference=_words(references))
    rows = rows[sides.alive & documents["type"].isin(["ACCREC", _BILL])]
    rows = rows.assign(id=documents["document_id"].reindex(rows.index)).sort_values(["asked", "id"])
    same = [*_SAME, "reference"]
    alike = rows[rows.duplicated(same, keep=False)]
    alike = alike[alike["reference"].ne("") | ~alike.groupby(same, dropna=False)["asked"].transform("all")]
    first = alike.groupby(same, dropna=False)["at"].transform("first")
    extra = alike["asked"] & (alike["at"] != first)
    twins = np.full(len(documents), -1, np.intp)
    twins[alike.loc[extra, "at"].to_numpy()] = first[extra].to_numpy()
    return twins


def _words(references: "pd.Series[str]") -> "pd.Series[str]":
    return references.str.strip().str.casefold()


def _of(
    sides: Sides, kind: DiscrepancyKind, at: Positions, cause: "pd.Series[str]", **facts: Any
) -> pd.DataFrame:
    documents = sides.documents.take(at)
    return found(
        sides,
        kind,
        None,
        at,
        theirs=documents["type"] + " " + documents["status"] + ", gross " + money(documents["gross"]),
        difference=-_signed(documents),
        since=documents["changed_at"],
        cause=cause,
        reason=documents["skipped"],
        **facts,
    )


def _several(sides: Sides, at: Positions) -> pd.DataFrame:
    """With the order whose own document bears the same mark, where that is among these."""
    documents = sides.documents.take(at)
    known = sides.own["mark"].fillna("").ne("")
    of = pd.Series(sides.orders.index[known], sides.own["mark"][known])
    places = documents["mark"].map(of[~of.index.duplicated(keep=False)]).fillna(-1).astype("int64")
    return _of(
        sides, DiscrepancyKind.several, at, told(documents["findings"]), **_about(sides.orders, places)
    )


def _about(orders: pd.DataFrame, places: "pd.Series[int]") -> dict[str, Any]:
    """By which order a discrepancy is named that is at none; -1: by no one."""
    some = orders[["reference", "kind", "order_id"]].reindex(places).fillna("")
    return dict(zip(("order", "about_kind", "about_id"), (some[name] for name in some), strict=True))


def _duplicates(sides: Sides, at: Positions, twins: Positions) -> pd.DataFrame:
    others = sides.documents.take(twins)
    name = others["number"].where(others["number"] != "", others["document_id"])
    names = others["type"].map({_BILL: "number"}).fillna("reference")
    cause = "equals " + name + " in contact, date, total and " + names
    return _of(sides, DiscrepancyKind.duplicate, at, cause)


def _proposed(sides: Sides, at: Positions) -> pd.DataFrame:
    """With the orders that it is proposed for."""
    said = sides.belongs[sides.belongs["state"] == "proposed"].rename(columns={"order": "reference"})
    orders = said.groupby("document_id")["reference"].agg(list).map(", ".join).to_dict()
    ids = sides.documents["document_id"].take(at)
    names = pd.Series([orders.get(id_, "an order") for id_ in ids], index=ids.index, dtype="str")
    alone = said[~said["document_id"].duplicated(keep=False)]
    places = ids.map(pd.Series(alone.index, alone["document_id"])).fillna(-1).astype("int64")
    about = _about(alone, places)
    return _of(sides, DiscrepancyKind.proposed, at, "perhaps of " + names, ours=names, **about)


def _made(sides: Sides, which: "pd.Series[bool]") -> "pd.Series[str]":
    return "made by others, seen since " + moment(sides.documents["since"][which])


def _unreadable(sides: Sides) -> pd.DataFrame:
    """Each at its order, where it has one."""
    unreadable = where(sides.documents["unreadable"])
    mine = sides.belonging[(sides.belonging["state"] == "linked") & (sides.belonging["o"] >= 0)]
    mine = mine[mine["d"].isin(unreadable)]
    places = dict(zip(mine["document_id"], mine["o"], strict=True))
    known = sides.documents["document_id"].isin(list(places))
    at = where(sides.documents["unreadable"] & (known | sides.loose))
    documents = sides.documents.take(at)
    return found(
        sides,
        DiscrepancyKind.unreadable,
        np.array([places.get(id_, -1) for id_ in documents["document_id"]], np.intp),
        at,
        theirs=documents["type"] + " " + documents["status"],
        since=documents["since"],
        cause=told(documents["findings"]),
        reason=documents["skipped"],
    )


def _signed(documents: pd.DataFrame) -> "pd.Series[int]":
    """Gross; what a credit note takes off counts against it."""
    gross: pd.Series[int] = documents["gross"]
    return gross.where(~documents["type"].str.endswith("CREDIT"), -gross)
