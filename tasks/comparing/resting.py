"""Documents and orders that agree and are still not well: stuck, locked, billed beyond the order, or left open."""

from typing import Any

import numpy as np
import pandas as pd

from tasks.comparing.apart import in_amount, in_type, tolerated
from tasks.comparing.sides import DRAFTED, OURS, Sides, found, moment, money, share, told, where
from tasks.comparing.terms import Terms
from tasks.domain.discrepancies import DiscrepancyKind
from tasks.domain.outcomes import Cause
from tasks.domain.taxes import read_taxes


def resting(sides: Sides, terms: Terms, edited: "pd.Series[bool]") -> list[pd.DataFrame]:
    """What nobody looks at because it does not move."""
    drafted = (
        sides.standing & sides.own["status"].isin(DRAFTED) & sides.orders["origin"].isin(OURS) & sides.due
    )
    locked = pd.Series(False, index=sides.orders.index)
    if terms.locked_until:
        locked = drafted & sides.own["date"].le(pd.Timestamp(terms.locked_until)).fillna(False).astype(bool)
    old = sides.own["changed_at"].lt(pd.Timestamp(terms.now - terms.draft_for)).fillna(False).astype(bool)
    until = f"not approved, and its date lies in a period locked until {terms.locked_until}"
    return [
        _draft(sides, DiscrepancyKind.locked, locked, until),
        _draft(sides, DiscrepancyKind.stuck, drafted & old & ~locked, "nobody approved it since"),
        _over_billed(sides, terms),
        _credit_open(sides),
        _amount(sides, terms, edited),
    ]


def _draft(sides: Sides, kind: DiscrepancyKind, which: "pd.Series[bool]", why: str) -> pd.DataFrame:
    at = where(which)
    orders, own = sides.orders.take(at), sides.own.take(at)
    return found(
        sides,
        kind,
        at,
        sides.place[at],
        ours="gross " + money(orders["gross"]),
        theirs=own["status"] + ", gross " + money(own["gross"]),
        since=own["changed_at"],
        cause=why + " (last changed at " + moment(own["changed_at"]) + ")",
    )


def _over_billed(sides: Sides, terms: Terms) -> pd.DataFrame:
    """Bills of supplier orders, less the supplier's credits, beside what was ordered or received: all net.

    Of bills in another currency than their order's nobody can say whether they exceed it: a person is asked.
    """
    orders, (billed, own, foreign) = sides.orders, _billed(sides)
    abroad = foreign != ""
    received = orders["received"].where(~own, pd.NA)
    payable = orders["net"].where(received.isna() | (orders["net"] <= received), received)
    excess = (billed - payable).astype("Int64")
    share = tolerated(payable, terms).astype("Float64")
    allowed = share.where(share > float(terms.tolerance.amount * 100), float(terms.tolerance.amount * 100))
    over = (excess > allowed).fillna(False).astype(bool)
    at = where((orders["kind"] == "supplier") & (over | abroad))
    several = abroad.take(at)
    ordered = "net " + money(payable.take(at))
    cause = (
        "ordered "
        + money(orders["net"].take(at))
        + ", received "
        + money(received.take(at)).replace("", "not tracked")
    )
    return found(
        sides,
        DiscrepancyKind.over_billed,
        at,
        sides.place[at],
        ours=ordered.where(~several, "net " + orders["currency"].take(at) + " " + money(payable.take(at))),
        theirs=("net " + money(billed.take(at))).where(~several, "net " + foreign.take(at)),
        difference=(-excess.take(at)).mask(several),
        since=orders["match_since"].take(at),
        cause=cause,
        reason=orders["match_skipped"].take(at),
    )


def _billed(sides: Sides) -> tuple["pd.Series[Any]", "pd.Series[bool]", "pd.Series[str]"]:
    """Of each order, the net of its bills (none where it has no bill), and whether we made one of them.

    Last its sums by currency in words, where a bill is in another one than the order: "EUR 115.00".
    """
    linked = sides.belonging[
        (sides.belonging["state"] == "linked") & (sides.belonging[["o", "d"]] >= 0).all(axis=1)
    ]
    facts = sides.documents[["type", "net", "currency"]].assign(alive=sides.alive)
    rows = linked.join(facts.take(linked["d"].to_numpy()).set_axis(linked.index))
    rows = rows[rows["alive"] & rows["type"].isin(["ACCPAY", "ACCPAYCREDIT"])]
    part = share(rows["net"].fillna(0), rows, rows["weight"].isna())
    signed = part.where(rows["type"] == "ACCPAY", -part)
    bills = rows[rows["type"] == "ACCPAY"]
    sums = signed.groupby(rows["o"]).sum().astype("Int64")
    billed = sums[sums.index.isin(bills["o"])].reindex(sides.orders.index)
    own = pd.Series(sides.orders.index.isin(bills.loc[bills["own"], "o"]), index=sides.orders.index)
    abroad = bills.loc[bills["currency"] != sides.orders["currency"].take(bills["o"].to_numpy()).array, "o"]
    nets = signed[rows["o"].isin(abroad)].groupby([rows["o"], rows["currency"]]).sum()
    words = nets.index.get_level_values("currency") + " " + money(nets)
    foreign = words.groupby(level="o").agg(", ".join) if len(nets) else pd.Series(dtype="str")
    return billed, own, foreign.reindex(sides.orders.index).fillna("").astype("str")


def _credit_open(sides: Sides) -> pd.DataFrame:
    """Credit notes of ours of which something is left, though their order waits for nothing."""
    notes = sides.notes
    d, o = notes["d"].to_numpy(), notes["o"].to_numpy()
    documents = sides.documents.take(d)
    left = (documents["due"].fillna(0) > 0) & (documents["status"] == "AUTHORISED")
    waits = sides.orders["state"].take(o).isin(["pending"]).array
    at = where(left & ~np.asarray(waits, bool))
    documents = documents.iloc[at]
    return found(
        sides,
        DiscrepancyKind.credit_open,
        o[at],
        d[at],
        theirs=money(documents["due"]) + " left of " + money(documents["gross"]),
        difference=documents["due"],
        since=documents["changed_at"],
        cause="nothing was left to set it against",
    )


def _amount(sides: Sides, terms: Terms, edited: "pd.Series[bool]") -> pd.DataFrame:
    """The order's amounts beside what is invoiced less credited; where both stand as they were settled.

    Told is the gross; where that agrees, the tax; where that does as well, the tax types.
    """
    rests = sides.due & sides.standing & sides.followed & ~edited
    amounts = rests & in_amount(sides, terms)
    types = in_type(sides, rests & ~amounts & ~sides.settled)
    at = where(amounts | types)
    some, own = sides.orders.take(at), sides.own.take(at)
    gross, left = some["gross"], sides.invoiced.take(at)
    tax, taken = gross - some["net"], left - sides.invoiced_net.take(at)
    apart = (gross - left).astype("Int64")
    foreign = some["currency"] != own["currency"]
    of_tax = (apart == 0) & ((tax - taken) != 0).fillna(False) & ~foreign
    apart = apart.where(~of_tax, tax - taken).mask(types.take(at) | foreign)
    ours, theirs = some["currency"] + " " + money(gross), own["currency"] + " " + money(left)
    ours, theirs = (
        said.where(~of_tax, said + ", tax " + money(cents)).where(~types.take(at), said + _by_type(split))
        for said, cents, split in ((ours, tax, some["taxes"]), (theirs, taken, own["taxes"]))
    )
    warned = some["findings"].str.contains(f'"{Cause.cent_difference}"', regex=False)
    by_person = some["written_run_id"].str.startswith("person: ")
    cause = "so it was settled in run " + some["written_run_id"]
    cause = cause.where(~warned, "sent with a warning: " + told(some["findings"]))
    person = some["written_run_id"].str.removeprefix("person: ")
    cause = cause.where(~by_person, person + " let it stand as it is")
    return found(
        sides,
        DiscrepancyKind.amount,
        at,
        sides.place[at],
        ours=ours,
        theirs=theirs,
        difference=apart,
        since=some["written_at"],
        cause=cause,
        reason=cause.where(warned | by_person, ""),
    )


def _by_type(taxes: "pd.Series[str]") -> "pd.Series[str]":
    """Net and tax by tax type, as people read them."""
    lines = [
        ", ".join(f"{type_} {net} + {tax}" for type_, (net, tax) in read_taxes(text).items())
        for text in taxes
    ]
    return pd.Series([f" as {line or 'no tax type'}" for line in lines], index=taxes.index, dtype="str")
