"""Both sides in sums: control totals by month, currency, tax type and kind, and the money of each day."""

from typing import Any, TypeAlias

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tasks.comparing.apart import in_amount
from tasks.comparing.control_totals import AMOUNTS, TOTALS, control_totals, month_of
from tasks.comparing.sides import Sides, among, where
from tasks.comparing.terms import Terms
from tasks.domain.discrepancies import COUNTING

SALES, PURCHASE_ORDERS, BILLS, BY_HAND = "sales", "purchase orders", "bills", "bills and credits by hand"
_KINDS = {"ACCREC": SALES, "PURCHASEORDER": PURCHASE_ORDERS, "ACCPAY": BILLS}
_CREDITS = {"ACCRECCREDIT": SALES, "ACCPAYCREDIT": BILLS}
_MADE = {"bill": BILLS, "purchase_order": PURCHASE_ORDERS, "invoice": SALES}
Named: TypeAlias = tuple["pd.Series[bool]", "pd.Series[bool]"]
_FLAGS = ["named", "shared"]
_ONE_DAY = ["date", "currency"]
_ONE_TYPE = r'^\{"(?P<type>[^"\\]*)": ?\["[^"]*", ?"[^"]*"\]\}$'


def totals(sides: Sides, terms: Terms, discrepancies: pd.DataFrame) -> pd.DataFrame:
    """What orders come to beside what their documents come to, and as `known_` what discrepancies explain of it.

    Counted are orders that are due and living documents that an order has or should have. A document of ours counts
    with its order, under its own date; a credit note of ours lowers it. What people made for an order or let stand as
    it is (invoices, bills for purchase orders, credit notes) counts on both sides where it is dated, and its order adds
    what it is apart from that, under no tax type. What belongs to no order counts on Xero's side alone. An order whose
    document was written after Xero was read counts on neither side, with what we made for it.
    """
    named = _named(sides, discrepancies)
    theirs = _split(_documents(sides, named))
    parts = [
        _split(_orders(sides, terms, named)),
        _split(_apart(sides, terms, named)),
        theirs[theirs["shared"]],
    ]
    ours = pd.concat(parts, ignore_index=True)
    found = control_totals(ours, theirs).set_index(list(TOTALS))
    known = control_totals(ours[ours["named"]], theirs[theirs["named"]]).set_index(list(TOTALS))
    for name in AMOUNTS:
        found[f"known_{name}"] = known[f"difference_{name}"].reindex(found.index, fill_value=0)
    return found.reset_index()


def days(sides: Sides, discrepancies: pd.DataFrame) -> pd.DataFrame:
    """By day and currency, in cents: orders that agree (`matched`); those that do not, and strangers (`unmatched`)."""
    orders = sides.orders.loc[_counted(sides), ["kind", "order_id", *_ONE_DAY, "gross"]]
    apart = among(orders, discrepancies)
    loose = sides.loose & sides.alive & sides.documents["within"]
    strangers = sides.documents.loc[loose, [*_ONE_DAY, "gross"]]
    rows = pd.concat(
        [
            orders[[*_ONE_DAY, "gross"]].assign(apart=apart.to_numpy()),
            strangers.assign(apart=True),
        ],
        ignore_index=True,
    )
    cents = rows["gross"].fillna(0).abs()
    rows = rows.assign(matched=cents.where(~rows["apart"], 0), unmatched=cents.where(rows["apart"], 0))
    sums = rows.dropna(subset="date").groupby(_ONE_DAY)[["matched", "unmatched"]].sum()
    return sums.astype("int64").reset_index()


def _named(sides: Sides, discrepancies: pd.DataFrame) -> tuple["pd.Series[bool]", "pd.Series[bool]"]:
    """Of each order and of each document, whether a discrepancy that explains a sum is at it, or at its order."""
    counting = discrepancies[discrepancies["kind"].isin([kind.value for kind in COUNTING])]
    orders = among(sides.orders, counting)
    ids = counting["document_id"].unique().tolist()
    documents = sides.documents["document_id"].isin(ids).to_numpy(bool, copy=True)
    belonging = sides.belonging[(sides.belonging[["o", "d"]] >= 0).all(axis=1)]
    documents[belonging.loc[orders.to_numpy()[belonging["o"]], "d"]] = True
    return orders, pd.Series(documents, sides.documents.index)


def _counted(sides: Sides) -> "pd.Series[bool]":
    """Of each order, whether it counts: it is due, and its document was not written after Xero was read."""
    return sides.due & ~sides.orders["fresh"]


def _orders(sides: Sides, terms: Terms, named: Named) -> pd.DataFrame:
    """Those that count; not those whose documents count for them."""
    which = _counted(sides) & ~sides.settled & sides.orders["gross"].notna()
    orders = sides.orders[which].assign(named=named[0][which])
    # Of one that was exported before its types were noted, they are its document's.
    unknown = (orders["taxes"] == "") & sides.standing[which]
    orders["taxes"] = orders["taxes"].mask(unknown, sides.own.loc[which, "taxes"])
    supplied = BILLS if terms.bills else PURCHASE_ORDERS
    kind = pd.Series(np.where(orders["kind"] == "customer", SALES, supplied), index=orders.index)
    made = orders["document_type"].map(_MADE)
    return orders.assign(group=made.where(made.notna(), kind), sign=1, shared=False)


def _apart(sides: Sides, terms: Terms, named: Named) -> pd.DataFrame:
    """What orders are apart from documents that count for them: the order, less those, in the document's month."""
    due = sides.settled & _counted(sides) & in_amount(sides, terms)
    at = where(due | (sides.settled & sides.unended))
    orders, own = sides.orders.take(at), sides.own.take(at)
    rows = own[["currency", "date"]].assign(
        group=own["type"].map(_KINDS), taxes="", named=named[0].take(at), shared=False
    )
    amounts = {"net": sides.invoiced_net.take(at), "gross": sides.invoiced.take(at)}
    ours = rows.assign(currency=orders["currency"], net=orders["net"], gross=orders["gross"], sign=1)
    theirs = rows.assign(**amounts, sign=-1)
    return pd.concat([ours[due.take(at)], theirs], ignore_index=True)


def _documents(sides: Sides, named: Named) -> pd.DataFrame:
    """Living documents, each with its group and, for credit notes, the sign -1; `shared` count on both sides."""
    documents = sides.documents
    kind = documents["type"].map({**_KINDS, **_CREDITS})
    credit = documents["type"].isin(list(_CREDITS))
    by_hand = documents["role"].isin(["", "beside"]) & (credit | (kind == BILLS))
    group = kind.where(~by_hand, BY_HAND)
    people = documents["role"].isin(["settled", "beside"]).to_numpy(copy=True)
    made = ~people & (documents["role"] != "").to_numpy()
    here = np.where(made, False, documents["within"])
    ours = sides.belonging[(sides.belonging[["o", "d"]] >= 0).all(axis=1) & sides.belonging["role"].ne("")]
    ours = ours[~sides.orders["fresh"].to_numpy()[ours["o"]]]
    here[ours["d"]] |= made[ours["d"]]
    # A credit note of ours counts where its order does, or where that one's document does in its place.
    notes = sides.notes[made[sides.notes["d"]]].drop_duplicates("d")
    o, d = notes["o"].to_numpy(), notes["d"].to_numpy()
    by_order = (sides.due & ~sides.settled) | sides.own["date"].isna()
    date = documents["date"].copy()
    date.iloc[d] = sides.orders["date"].where(by_order, sides.own["date"]).array[o]
    people[d] = sides.settled.to_numpy()[o]
    rows = documents.assign(
        group=group, sign=np.where(credit, -1, 1), shared=people, date=date, named=named[1]
    )
    return rows[sides.alive & kind.notna() & here]


def _split(rows: pd.DataFrame) -> pd.DataFrame:
    """A row for each tax type of an order or document; what its types do not account for stands under no type."""
    columns = {
        "month": month_of(rows["date"]),
        "currency": rows["currency"],
        "kind": rows["group"],
        "net": rows["net"].fillna(0),
        "gross": rows["gross"].fillna(0),
    }
    whole = pd.DataFrame(columns, index=rows.index).assign(**rows[["sign", "taxes", *_FLAGS]])
    whole["tax"] = whole["gross"] - whole["net"]
    types = _type(whole["taxes"])
    single = types.notna()
    alone = whole[single].assign(tax_type=types[single])
    several = _several(whole[~single])
    both = pd.concat([alone, several], ignore_index=True)
    for name in AMOUNTS:
        both[name] = (both[name] * both["sign"]).astype("int64")
    return both[[*TOTALS, *AMOUNTS, *_FLAGS]].astype(
        {"month": "str", "tax_type": "str", **dict.fromkeys(_FLAGS, "bool")}
    )


def _several(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of more than one tax type, part by part, and what is left over."""
    parts = [
        (at, type_, round(float(net) * 100), round(float(tax) * 100))
        for at, taxes in rows["taxes"].items()
        for type_, (net, tax) in msgspec.json.decode(taxes).items()
    ]
    split = pd.DataFrame(parts, columns=["at", "tax_type", "net", "tax"]).set_index("at")
    sums = split.groupby(level=0)[["net", "tax"]].sum().reindex(rows.index, fill_value=0)
    rest = (rows[["net", "tax"]] - sums).assign(tax_type="")
    rest = rest[(rest["net"] != 0) | (rest["tax"] != 0)]
    every = pd.concat([split, rest])
    every["gross"] = every["net"] + every["tax"]
    return every.join(rows[["month", "currency", "kind", "sign", *_FLAGS]])


def _type(taxes: "pd.Series[str]") -> "pd.Series[Any]":
    """The one tax type of each row, "" where it has none; NA where it has several."""
    alone = pc.struct_field(pc.extract_regex(pa.array(taxes, pa.large_string()), _ONE_TYPE), "type")
    types: pd.Series[Any] = pd.Series(alone.to_pandas().array, taxes.index, dtype="str").mask(taxes == "", "")
    # Of these there are some, and of those that are written otherwise than we write them.
    several = taxes[types.isna()].map(msgspec.json.decode)
    types.loc[several.index] = [None if len(one) > 1 else "".join(one) for one in several]
    return types
