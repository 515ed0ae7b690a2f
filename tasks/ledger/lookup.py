"""Finds the one order or document that a person names."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, or_, select

from tasks.domain.errors import MonstockXeroError
from tasks.domain.outcomes import OrderState
from tasks.ledger.database import Database
from tasks.ledger.items import Subject, Wanted
from tasks.ledger.schema import accounting, documents, orders
from tasks.ledger.troubles import STUCK, document_in_trouble, link_in_trouble, of_side, type_name

SHOWN = 10
_OF_ORDERS = {Subject.order, Subject.link}


class NotFoundByName(MonstockXeroError):
    """A name fits no order or document, or more than one; the text lists the choices."""


@dataclass(frozen=True, slots=True)
class Named:
    """An order or document, and whether it is in the inbox, or was taken out of it."""

    connection: str
    subject: Subject
    kind: str
    id: str
    name: str
    state: str
    in_inbox: bool

    def __str__(self) -> str:
        what = f"{self.kind} order" if self.subject is Subject.order else self.kind
        return f"{what} {self.name} (id {self.id}, connection {self.connection})"


def the_one(database: Database, connections: Sequence[str], name: str, wanted: Wanted) -> Named:
    """The order (by reference or id) or document (by number or id) of that name.

    Of several, the one that is in the inbox, or was taken out of it. Raises `NotFoundByName` where that leaves none
    or several.
    """
    found = [
        *(_orders(database, connections, name, wanted) if _OF_ORDERS & {*wanted.subjects} else ()),
        *(_documents(database, connections, name, wanted) if Subject.document in wanted.subjects else ()),
    ]
    if not found:
        where = f"connection {connections[0]} knows" if len(connections) == 1 else "the connections know"
        raise NotFoundByName(
            f'No order or document "{name}" is among those that {where}: give its reference, its number or its id.'
        )
    likely: list[Named] = [one for one in found if one.in_inbox] or found
    if len(likely) > 1:
        choices = "; ".join(map(str, likely[:SHOWN]))
        more = f"; and {len(likely) - SHOWN} more" if len(likely) > SHOWN else ""
        raise NotFoundByName(
            f'"{name}" names {len(likely)} of them: {choices}{more}. '
            "Name one by its id, and with --connection or --kind where that is the same."
        )
    return likely[0]


def _orders(database: Database, connections: Sequence[str], name: str, wanted: Wanted) -> list[Named]:
    link = and_(
        accounting.c.connection == orders.c.connection,
        accounting.c.kind == orders.c.kind,
        accounting.c.order_id == orders.c.order_id,
    )
    query = (
        select(orders, link_in_trouble().label("link_listed"))
        .join_from(orders, accounting, link, isouter=True)
        .where(
            orders.c.connection.in_(list(connections)),
            orders.c.kind.in_([kind.value for kind in wanted.kinds]),
            or_(orders.c.reference == name, orders.c.order_id == name),
        )
        .order_by(orders.c.connection, orders.c.kind, orders.c.order_id)
    )
    listed = {*STUCK, OrderState.skipped.value}
    with database.engine.connect() as tx:
        return [
            Named(
                connection=row.connection,
                subject=Subject.order,
                kind=row.kind,
                id=row.order_id,
                name=row.reference,
                state=row.state,
                in_inbox=row.state in listed or bool(row.link_listed),
            )
            for row in tx.execute(query)
        ]


def _documents(database: Database, connections: Sequence[str], name: str, wanted: Wanted) -> list[Named]:
    listed = or_(document_in_trouble(), documents.c.skipped.is_not(None))
    query = (
        select(documents, listed.label("listed"))
        .where(
            documents.c.connection.in_(list(connections)),
            or_(documents.c.number == name, documents.c.document_id == name),
        )
        .order_by(documents.c.connection, documents.c.document_id)
    )
    if len(wanted.kinds) == 1:
        query = query.where(of_side(wanted.kinds[0]))
    with database.engine.connect() as tx:
        return [
            Named(
                connection=row.connection,
                subject=Subject.document,
                kind=type_name(row.type),
                id=row.document_id,
                name=row.number or row.reference or row.document_id,
                state=row.standing or row.status,
                in_inbox=bool(row.listed),
            )
            for row in tx.execute(query)
        ]
