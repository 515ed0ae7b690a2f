"""Which orders are apart from their documents: in amount beyond what is tolerated, or in tax types."""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from tasks.comparing.sides import OURS, Sides, where
from tasks.comparing.terms import Terms
from tasks.domain.money import ZERO
from tasks.domain.taxes import read_taxes


def in_amount(sides: Sides, terms: Terms) -> "pd.Series[bool]":
    """Of each order, whether its net, gross or currency are not those of its living document less our credit notes.

    Of a document that people made, what the tolerance allows is no difference.
    """
    orders = sides.orders
    allowed = pd.Series(0, index=orders.index, dtype="Int64")
    share = (tolerated(orders["gross"], terms) // 1).astype("Int64")
    made = orders["origin"].isin(OURS)
    allowed = allowed.where(made, share.clip(lower=int(terms.tolerance.amount * 100)))
    foreign = (sides.own["currency"] != orders["currency"]) & (sides.own["currency"] != "")
    beyond = [
        ((orders[amount] - left).abs() > allowed).fillna(False).astype(bool)
        for amount, left in (("gross", sides.invoiced), ("net", sides.invoiced_net))
    ]
    return beyond[0] | beyond[1] | foreign


def in_type(sides: Sides, which: "pd.Series[bool]") -> "pd.Series[bool]":
    """Of each of these orders, whether its net and tax by tax type are not those of its document less our notes.

    Of an order whose types are not known, nothing can be said: it was settled before they were noted.
    """
    ours, own = sides.orders["taxes"], sides.own["taxes"].fillna("").astype("str")
    unequal = which & (ours != "") & ((ours != own) | (sides.credits != 0))
    notes = sides.notes[np.isin(sides.notes["o"], where(unequal))]
    notes = notes[sides.alive.to_numpy()[notes["d"]]]
    taken: dict[int, list[str]] = {}
    for o, text in zip(notes["o"], sides.documents["taxes"].array[notes["d"]], strict=True):
        taken.setdefault(o, []).append(text)
    # Written otherwise, or with a credit note: there are some.
    found = np.zeros(len(ours), bool)
    for o, one, other in zip(where(unequal), ours[unequal], own[unequal], strict=True):
        found[o] = _less(one, []) != _less(other, taken.get(o, []))
    types: pd.Series[bool] = pd.Series(found, ours.index, dtype=bool)
    return types


def tolerated(cents: "pd.Series[Any]", terms: Terms) -> "pd.Series[Any]":
    """The tolerated percents of amounts, without what binary fractions add to them or take away."""
    return (cents.abs() * float(terms.tolerance.percent) / 100).round(6)


def _less(whole: str, parts: list[str]) -> dict[str, tuple[Decimal, Decimal]]:
    """Net and tax by tax type, less others; without types that come to nothing."""
    sums = read_taxes(whole)
    for part in parts:
        for type_, (net, tax) in read_taxes(part).items():
            before = sums.get(type_, (ZERO, ZERO))
            sums[type_] = before[0] - net, before[1] - tax
    return {type_: amounts for type_, amounts in sums.items() if any(amounts)}
