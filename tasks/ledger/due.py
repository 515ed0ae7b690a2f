"""Marks orders whose documents changed: what Monstock shows of them is looked at anew."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from tasks.ledger.database import insert
from tasks.ledger.schema import accounting


def make_due(tx: Connection, connection: str, found: Iterable[tuple[str, str]], now: datetime) -> None:
    """These orders are to be shown anew, once more than before."""
    rows = [
        {
            "connection": connection,
            "kind": kind,
            "order_id": order_id,
            "due": 1,
            "since": now,
            "tries": 0,
        }
        for kind, order_id in sorted(set(found))
    ]
    if rows:
        statement = insert(tx.dialect)(accounting)
        again = {"due": accounting.c.due + 1}
        keys = [column.name for column in accounting.primary_key]
        tx.execute(statement.on_conflict_do_update(index_elements=keys, set_=again), rows)
