"""What Monstock shows of each order's documents beside what Xero says of them."""

import numpy as np
import pandas as pd

from tasks.comparing.differences import differences
from tasks.comparing.sides import Sides, found, groups, moment, money, share, where
from tasks.comparing.wording import worded
from tasks.domain.accounting import DOCUMENT_TYPES
from tasks.domain.books import MISSING
from tasks.domain.discrepancies import DiscrepancyKind

_WORDS = {
    "DRAFT": "draft",
    "SUBMITTED": "submitted",
    "BILLED": "billed",
    "VOIDED": "voided",
    "DELETED": "deleted",
    MISSING: "deleted",
}
_LINK = ("type", "id", "number", "currency", "total", "issued", "due_on", "paid_on")


def showing(sides: Sides) -> list[pd.DataFrame]:
    """Orders whose documents do not show in Monstock, or show otherwise than they stand in Xero."""
    told = described(sides)
    shown = _shown(sides, told)
    nothing = sides.orders["shown_id"].take(told["o"].to_numpy()).eq("").reset_index(drop=True)
    return [
        _not_shown(sides, told[nothing]),
        *_otherwise(sides, told[~nothing].reset_index(drop=True), shown[~nothing].reset_index(drop=True)),
    ]


def described(sides: Sides) -> pd.DataFrame:
    """What each order that has a document should show of it: a row an order, by its place `o`; `d` is the document.

    Its primary document is our own, or where that is dead or was never made the first living one that people made.
    `paid` and `credited` are sums over all living ones of its currency.
    """
    belonging = _known(sides)
    fitting = belonging[belonging["type"].isin(list(DOCUMENT_TYPES))]
    primary = fitting.sort_values(["o", "alive", "rank"], ascending=[True, False, True]).drop_duplicates("o")
    currency = primary.set_index("o")["currency"]
    counted = belonging[belonging["alive"] & (belonging["currency"] == belonging["o"].map(currency))]
    is_primary = counted["d"].eq(counted["o"].map(primary.set_index("o")["d"]))
    sums = _sums(counted, is_primary).reindex(primary["o"])
    of = sides.documents.take(primary["d"].to_numpy()).reset_index(drop=True)
    owed = of["due"].where(primary["alive"].to_numpy() & of["type"].isin(["ACCREC", "ACCPAY"]), 0)
    return pd.DataFrame(
        {
            "o": primary["o"].to_numpy(),
            "d": primary["d"].to_numpy(),
            "type": of["type"].map(DOCUMENT_TYPES).astype("str"),
            "id": of["document_id"],
            "number": of["number"].str.slice(0, 255),
            "currency": of["currency"],
            "total": of["gross"],
            "issued": of["date"],
            "due_on": of["due_date"],
            "paid_on": of["paid_on"],
            "paid": sums["paid"].fillna(0).to_numpy(),
            "credited": sums["credited"].fillna(0).to_numpy(),
            "due": owed.fillna(0),
            "status": _status(of),
        }
    )


def _known(sides: Sides) -> pd.DataFrame:
    """What is linked and can be read, with the facts of each document. An order whose own cannot be read has none."""
    linked = sides.belonging[(sides.belonging["state"] == "linked") & (sides.belonging["d"] >= 0)]
    linked = linked[linked["o"] >= 0]
    at = linked["d"].to_numpy()
    names = ["type", "status", "currency", "gross", "paid", "credited", "due", "unreadable"]
    facts = sides.documents[names].take(at).set_axis(linked.index)
    known = linked.join(facts).assign(alive=sides.alive.to_numpy(bool)[at])
    hidden = known.loc[known["unreadable"] & known["own"], "o"]
    return known[~known["unreadable"] & ~known["o"].isin(hidden)]


def _sums(counted: pd.DataFrame, is_primary: "pd.Series[bool]") -> pd.DataFrame:
    """Paid and credited over an order's documents, each by the order's share in it."""
    credit = counted["type"].str.endswith("CREDIT")
    open_ = counted["status"].isin(["AUTHORISED", "PAID"])
    left = (counted["due"].fillna(0) + counted["paid"].fillna(0)).where(open_, 0)
    paid = counted["paid"].fillna(0).where(~credit, 0)
    credited = counted["credited"].fillna(0).where(~credit, left)
    whole = is_primary | counted["weight"].isna()
    parts = {"paid": share(paid, counted, whole), "credited": share(credited, counted, whole)}
    shares = pd.DataFrame({"o": counted["o"], **parts})
    return shares.groupby("o")[["paid", "credited"]].sum()


def _status(of: pd.DataFrame) -> "pd.Series[str]":
    """Xero's status in Monstock's words, as `tasks.domain.accounting.status_of` tells it."""
    paid, credited = of["paid"].fillna(0) != 0, of["credited"].fillna(0) != 0
    words = pd.Series(np.where(paid | credited, "partially_paid", "approved"), index=of.index).astype("str")
    full = of["status"] == "PAID"
    words = words.mask(full, "paid").mask(full & credited & ~paid, "credited")
    told: pd.Series[str] = words.mask(of["status"].isin(list(_WORDS)), of["status"].map(_WORDS).astype("str"))
    return told


def _shown(sides: Sides, told: pd.DataFrame) -> pd.DataFrame:
    names = [*_LINK, "paid", "credited", "due", "status"]
    shown = sides.orders[[f"shown_{name}" for name in names]].take(told["o"].to_numpy())
    return shown.set_axis(names, axis=1).reset_index(drop=True)


def _not_shown(sides: Sides, told: pd.DataFrame) -> pd.DataFrame:
    o, d = told["o"].to_numpy(), told["d"].to_numpy()
    return found(
        sides,
        DiscrepancyKind.not_shown,
        o,
        d,
        theirs=told["type"] + " " + told["number"] + ", " + told["status"],
        since=sides.documents["changed_at"].take(d),
        cause=_why(sides, told),
        reason=sides.orders["match_skipped"].take(o),
    )


def _otherwise(sides: Sides, told: pd.DataFrame, shown: pd.DataFrame) -> list[pd.DataFrame]:
    names = ["paid", "credited", "due", "status"]
    numbers = dict.fromkeys(names[:3], "int64")
    key = told["o"].astype("str")
    ours = (
        shown[names]
        .fillna(dict.fromkeys(numbers, 0))
        .astype(numbers)
        .assign(key=key, link=_link(shown, told))
    )
    theirs = told[names].astype(numbers).assign(key=key, link=_link(told, shown))
    apart = differences(ours, theirs, "key").discrepancies
    both = worded(apart, ours, theirs)
    return [_kind(sides, told, kind, apart.loc[at], both.loc[at]) for kind, at in groups(apart)]


def _kind(
    sides: Sides, told: pd.DataFrame, kind: DiscrepancyKind, apart: pd.DataFrame, both: pd.DataFrame
) -> pd.DataFrame:
    these = told.iloc[apart["theirs"].to_numpy()]
    o, d = these["o"].to_numpy(), these["d"].to_numpy()
    return found(
        sides,
        kind,
        o,
        d,
        ours=both["ours"],
        theirs=both["theirs"],
        difference=apart["difference"],
        since=sides.documents["changed_at"].take(d),
        cause=_why(sides, these),
        reason=sides.orders["match_skipped"].take(o),
    )


def _link(one: pd.DataFrame, other: pd.DataFrame) -> "pd.Series[str]":
    """The other facts of a link in a line, where they differ from the other side's."""
    apart = pd.Series(False, index=one.index)
    for name in _LINK:
        a, b = one[name], other[name]
        apart |= ~(a.eq(b).fillna(False).astype(bool) | (a.isna() & b.isna()))
    line = pd.Series("", index=one.index, dtype="str")
    at = where(apart)
    some = one.iloc[at]
    days = [
        name + " " + some[name].dt.strftime("%Y-%m-%d").fillna("never")
        for name in ("issued", "due_on", "paid_on")
    ]
    said = some["type"] + " " + some["number"] + " (" + some["id"] + "), " + some["currency"] + " "
    line.iloc[at] = (said + money(some["total"]) + ", " + days[0] + ", " + days[1] + ", " + days[2]).array
    return line


def _why(sides: Sides, told: pd.DataFrame) -> "pd.Series[str]":
    orders = sides.orders.take(told["o"].to_numpy()).reset_index(drop=True)
    changed = sides.documents["changed_at"].take(told["d"].to_numpy()).reset_index(drop=True)
    failed = "not written to Monstock since " + moment(orders["match_since"]) + ": " + orders["failed"]
    return failed.where(
        orders["failed"] != "", "changed in Xero at " + moment(changed) + ", not written to Monstock"
    )
