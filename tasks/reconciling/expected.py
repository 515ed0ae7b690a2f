"""What is to be expected of the next export: which documents it lets follow their orders, and how."""

from collections.abc import Mapping, Sequence

import pandas as pd

from tasks.comparing.sides import Positions, Sides, where
from tasks.connections.connection import Connection
from tasks.domain.books import GONE
from tasks.domain.discrepancies import DiscrepancyKind, Repair
from tasks.exporting.foretelling import Key, Stands, next_steps

_FACTS = ["kind", "order_id", "status", "paid", "credited", "sent", "edited"]
_BEHIND = (DiscrepancyKind.not_followed, DiscrepancyKind.not_ended)


def behind(connection: Connection, sides: Sides, edited: "pd.Series[bool]") -> dict[Key, Stands]:
    """The documents that do not follow their orders, by kind and id of these; none of which a credit note of ours died.

    `edited` says of each order whether somebody changed its document.
    """
    at = where(sides.outdated | sides.unended)
    by_hand = _credited_by_hand(connection, sides, at)
    dead = sides.notes.loc[~sides.alive.to_numpy(bool)[sides.notes["d"]], "o"]
    facts = (
        sides.orders[["kind", "order_id"]].take(at).join(sides.own.take(at)).assign(edited=edited.take(at))
    )
    facts = facts.loc[~facts.index.isin(dead), _FACTS].fillna({"paid": 0, "credited": 0})
    return {
        (kind, order_id): Stands(
            status, int(paid), int(credited), bool(sent), by_hand.get(o, ()), bool(changed)
        )
        for o, kind, order_id, status, paid, credited, sent, changed in facts.itertuples(name=None)
    }


def with_repairs(connection: Connection, rows: pd.DataFrame, documents: Mapping[Key, Stands]) -> pd.DataFrame:
    """Discrepancies, each of a document behind its order with what the next export does; else it is a person's."""
    which = rows["kind"].isin([kind.value for kind in _BEHIND])
    if not which.any():
        return rows
    told = next_steps(connection, documents)
    keys = zip(rows.loc[which, "order_kind"], rows.loc[which, "order_id"], strict=True)
    repairs = rows["repair"].copy()
    repairs[which] = [told.get(key, Repair.person).value for key in keys]
    return rows.assign(repair=repairs)


def _credited_by_hand(connection: Connection, sides: Sides, at: Positions) -> dict[int, Sequence[str]]:
    """Credit notes of people's that may stand on the documents of these orders.

    The ledger does not know what each note was set against: where more is credited than ours credit, it may be any of
    that contact's.
    """
    notes = sides.documents.take(sides.notes["d"].to_numpy()).set_axis(sides.notes["o"])
    used = (notes["gross"] - notes["due"])[~notes["status"].isin(GONE)].fillna(0).groupby(level=0).sum()
    own = sides.own.take(at)
    more = own[own["credited"].fillna(0) > used.reindex(own.index, fill_value=0)]
    known = connection.credit_notes.used_by_hand(sorted(set(more["contact_id"]))) if len(more) else {}
    contacts = zip(more.index.tolist(), more["contact_id"], strict=True)
    return {o: known[contact] for o, contact in contacts if contact in known}
