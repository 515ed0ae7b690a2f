"""Orders beside the mere existence of their documents: not there, gone, or no longer what the order says."""

from typing import Any

import numpy as np
import pandas as pd

from tasks.comparing.sides import Sides, found, moment, money, told, where
from tasks.comparing.terms import Terms
from tasks.domain.books import MISSING
from tasks.domain.discrepancies import DiscrepancyKind, Repair


def orders_alone(sides: Sides, terms: Terms) -> list[pd.DataFrame]:
    """Every order that has no living document, or one that does not follow it."""
    state, unlisted = sides.orders["state"], sides.orders["unlisted"].astype(bool)
    without = sides.due & ~sides.linked & ~sides.orders["fresh"]
    lost = without & (sides.orders["sent_in"] != "") & (state == "pending")
    alone = without & (~unlisted | lost)
    return [
        _lost(sides, lost),
        _waiting(sides, terms, alone & state.isin(["pending", "exported"]) & ~lost),
        _held(sides, alone | (sides.standing & sides.followed & sides.due)),
        _rejected(sides, alone & (state == "rejected")),
        _missing(sides),
        _removed(sides),
        _changed(sides),
        _cancelled(sides),
        _unlisted(sides, unlisted & (sides.standing | (without & ~lost))),
    ]


def _lost(sides: Sides, which: "pd.Series[bool]") -> pd.DataFrame:
    at = where(which)
    orders = sides.orders.take(at)
    cause = "sent in run " + orders["sent_in"] + "; Xero's answer never came"
    return _of_orders(sides, DiscrepancyKind.answer_lost, at, cause=cause)


def _waiting(sides: Sides, terms: Terms, which: "pd.Series[bool]") -> pd.DataFrame:
    at = where(which)
    orders = sides.orders.take(at)
    waits = "waits since " + moment(orders["since"])
    pending = orders["state"] == "pending"
    left = pd.Series("", index=orders.index, dtype="str")
    for dates in terms.in_hand:
        theirs = pending & orders["date"].between(pd.Timestamp(dates.first), pd.Timestamp(dates.last))
        left = left.mask(theirs, f"left to the backfill of {dates}")
    return _of_orders(
        sides,
        DiscrepancyKind.not_exported,
        at,
        cause=waits.where(pending, "noted as exported, and no document is known for it"),
        repair=pd.Series(np.where(pending, Repair.export, Repair.person), index=orders.index, dtype="str"),
        reason=left,
    )


def _held(sides: Sides, which: "pd.Series[bool]") -> pd.DataFrame:
    at = where(which & sides.orders["state"].isin(["held", "skipped"]))
    orders = sides.orders.take(at)
    cause = "held since " + moment(orders["since"]) + ": " + told(orders["findings"])
    reason = orders["reason"].where(orders["state"] == "skipped", "")
    missing = orders["gross"].where(~sides.linked.take(at), pd.NA)
    ours = "gross " + money(orders["gross"]) + ", " + told(orders["findings"])
    return _of_orders(
        sides, DiscrepancyKind.held, at, ours=ours, cause=cause, reason=reason, difference=missing
    )


def _rejected(sides: Sides, which: "pd.Series[bool]") -> pd.DataFrame:
    at = where(which)
    orders = sides.orders.take(at)
    cause = "refused at " + moment(orders["since"]) + ": " + told(orders["findings"])
    ours = "gross " + money(orders["gross"]) + ", " + told(orders["findings"])
    return _of_orders(sides, DiscrepancyKind.rejected, at, ours=ours, cause=cause)


def _missing(sides: Sides) -> pd.DataFrame:
    lost = (sides.place < 0) | sides.own["status"].eq(MISSING)
    at = where(sides.due & sides.comparable & lost)
    orders = sides.orders.take(at)
    cause = "written in run " + orders["written_run_id"] + ", and Xero does not know it"
    return _of_orders(sides, DiscrepancyKind.missing, at, cause=cause)


def _removed(sides: Sides) -> pd.DataFrame:
    known = (sides.place >= 0) & ~sides.own["unreadable"].eq(True) & sides.own["status"].ne(MISSING)
    at = where(sides.due & sides.comparable & known & ~sides.standing)
    orders, own = sides.orders.take(at), sides.own.take(at)
    cause = own["status"] + " in Xero at " + moment(own["changed_at"])
    return _of_orders(
        sides,
        DiscrepancyKind.removed,
        at,
        theirs=own["status"],
        cause=cause,
        since=own["changed_at"],
        reason=orders["reason"].where(orders["state"] == "skipped", ""),
    )


def _changed(sides: Sides) -> pd.DataFrame:
    at = where(sides.outdated)
    foreign = sides.orders["currency"] != sides.own["currency"]
    difference = (sides.orders["gross"] - sides.invoiced).mask(foreign).take(at)
    return _following(sides, DiscrepancyKind.not_followed, at, difference)


def _cancelled(sides: Sides) -> pd.DataFrame:
    at = where(sides.unended)
    return _following(sides, DiscrepancyKind.not_ended, at, -sides.invoiced.take(at))


def _following(sides: Sides, kind: DiscrepancyKind, at: Any, difference: Any) -> pd.DataFrame:
    orders, own = sides.orders.take(at), sides.own.take(at)
    foreign = orders["currency"] != own["currency"]
    ours, theirs = (
        (side["status"] + ", gross " + (side["currency"] + " ").where(foreign, "") + money(amount))
        for side, amount in ((orders, orders["gross"]), (own, sides.invoiced.take(at)))
    )
    stuck = orders["state"].isin(["held", "rejected", "skipped"])
    waits = "changed at " + moment(orders["changed_at"]) + ", written last at " + moment(orders["written_at"])
    held = orders["state"] + " since " + moment(orders["since"]) + ": " + told(orders["findings"])
    return found(
        sides,
        kind,
        at,
        sides.place[at],
        ours=ours,
        theirs=theirs,
        difference=difference,
        since=orders["changed_at"].fillna(orders["since"]),
        cause=waits.where(~stuck, held),
        reason=orders["reason"].where(orders["state"] == "skipped", ""),
    )


def _unlisted(sides: Sides, which: "pd.Series[bool]") -> pd.DataFrame:
    """What stands for such an order is its document, or what the ledger knows of it."""
    at = where(which)
    orders, stands = sides.orders.take(at), sides.standing.take(at)
    left = sides.invoiced.take(at)
    cause = "Monstock neither listed nor found it; last changed at " + moment(orders["changed_at"])
    return found(
        sides,
        DiscrepancyKind.not_listed,
        at,
        sides.place[at],
        theirs=("gross " + money(left)).where(stands, "no document"),
        difference=(-left).where(stands, orders["gross"]),
        since=orders["listed_at"],
        cause=cause,
        reason=orders["reason"].where(orders["state"] == "skipped", "").mask(stands, ""),
    )


def _of_orders(sides: Sides, kind: DiscrepancyKind, at: Any, **facts: Any) -> pd.DataFrame:
    """Orders that have nothing in Xero to set beside them."""
    orders = sides.orders.take(at)
    given = {
        "ours": "gross " + money(orders["gross"]),
        "difference": orders["gross"],
        "since": orders["since"],
    }
    return found(sides, kind, at, None, **given | facts)
