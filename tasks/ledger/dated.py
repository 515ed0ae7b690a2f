"""Which orders belong to some dates: by their own billing, or by a document of theirs."""

from datetime import date

from sqlalchemy import ColumnElement, FromClause, and_, select, true, union

from tasks.ledger.schema import documents, links, matches, orders


def billed(first: date, last: date) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Orders that are billed within these days, both included; ordered, where nothing says when they are billed.

    Either, to be asked for one after the other: with OR, SQLite walks all orders.
    """
    undated = and_(orders.c.document_date.is_(None), orders.c.order_date.between(first, last))
    return orders.c.document_date.between(first, last), undated


def documented(connection: str, first: date, last: date) -> FromClause:
    """Kind and id of a connection's orders with a document, whoever made it, that is dated within these days.

    To be joined, not asked for by IN: so a database begins with the few documents, not with all orders.
    """
    theirs = (
        select(table.c.kind, table.c.order_id)
        .join(
            documents,
            and_(
                documents.c.connection == table.c.connection, documents.c.document_id == table.c.document_id
            ),
        )
        .where(table.c.connection == connection, which, documents.c.date.between(first, last))
        for table, which in ((links, true()), (matches, matches.c.state == "linked"))
    )
    return union(*theirs).subquery()


def among(keys: FromClause) -> ColumnElement[bool]:
    """That an order is one of these."""
    return and_(orders.c.kind == keys.c.kind, orders.c.order_id == keys.c.order_id)
