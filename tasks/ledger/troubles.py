"""Where the ledger keeps what is in trouble: a query for each subject of the inbox."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, and_, func, not_, or_, select

from tasks.domain.orders import Kind
from tasks.domain.outcomes import Cause, Finding, OrderState
from tasks.ledger.items import Subject, Wanted
from tasks.ledger.schema import accounting, decisions, documents, orders
from tasks.ledger.settlement import SKIP

STUCK = (OrderState.held.value, OrderState.rejected.value)
# What is said of a document in one of these standings where nothing else was found on it.
STANDINGS = {
    "unmatched": Finding(Cause.unmatched, "No order fits this document."),
    "proposed": Finding(Cause.proposed, "An order may be this document's."),
    "unreadable": Finding(Cause.unreadable, "This document cannot be read."),
}
_TYPES = {"ACCREC": "invoice", "ACCPAY": "bill", "PURCHASEORDER": "purchase order"}
_SALES = ("ACCREC", "RECEIVE")


def skip_of(table: Any) -> ColumnElement[bool]:
    """That a row of decisions is a skip of this order's."""
    return and_(
        decisions.c.connection == table.c.connection,
        decisions.c.kind == table.c.kind,
        decisions.c.order_id == table.c.order_id,
        decisions.c.decision == SKIP,
    )


def document_in_trouble() -> ColumnElement[bool]:
    """That a document waits for a person, unless one skipped it."""
    return or_(documents.c.standing.in_(list(STANDINGS)), documents.c.findings.is_not(None))


def link_in_trouble() -> ColumnElement[bool]:
    """That what an order shows in Monstock, or its documents, wait for a person, unless one skipped it."""
    return or_(accounting.c.failed.is_not(None), accounting.c.findings.is_not(None))


def type_name(type_: str) -> str:
    """A document's type in an accountant's words."""
    return _TYPES.get(type_, type_.lower())


def _orders(wanted: Wanted) -> tuple[Column[Any], Select[Any]]:
    states = [OrderState.skipped.value] if wanted.skipped else STUCK
    query = (
        select(
            orders.c.connection,
            orders.c.kind,
            orders.c.order_id.label("id"),
            orders.c.reference.label("name"),
            orders.c.contact_name.label("contact"),
            orders.c.order_date.label("date"),
            orders.c.state,
            orders.c.findings,
            orders.c.since,
            orders.c.tries,
            decisions.c.reason.label("skipped"),
        )
        .join_from(orders, decisions, skip_of(orders), isouter=True)
        .where(orders.c.state.in_(states), orders.c.kind.in_([kind.value for kind in wanted.kinds]))
    )
    if wanted.cause:
        query = query.where(names_cause(orders.c.findings, wanted.cause))
    return orders.c.since, query


def _documents(wanted: Wanted) -> tuple[Column[Any], Select[Any]]:
    taken_out = documents.c.skipped.is_not(None)
    query = select(
        documents.c.connection,
        documents.c.type.label("kind"),
        documents.c.document_id.label("id"),
        func.coalesce(documents.c.number, documents.c.reference, documents.c.document_id).label("name"),
        documents.c.contact_name.label("contact"),
        documents.c.date,
        documents.c.standing.label("state"),
        documents.c.findings,
        documents.c.since,
        documents.c.skipped,
    ).where(taken_out if wanted.skipped else and_(document_in_trouble(), not_(taken_out)))
    if len(wanted.kinds) == 1:
        query = query.where(of_side(wanted.kinds[0]))
    if wanted.cause:
        said = [standing for standing, found in STANDINGS.items() if found.cause is wanted.cause]
        unsaid = and_(documents.c.findings.is_(None), documents.c.standing.in_(said))
        query = query.where(or_(names_cause(documents.c.findings, wanted.cause), unsaid))
    return documents.c.since, query


def _links(wanted: Wanted) -> tuple[Column[Any], Select[Any]]:
    theirs = (
        orders.c.connection == accounting.c.connection,
        orders.c.kind == accounting.c.kind,
        orders.c.order_id == accounting.c.order_id,
    )
    taken_out = accounting.c.skipped.is_not(None)
    query = (
        select(
            accounting.c.connection,
            accounting.c.kind,
            accounting.c.order_id.label("id"),
            func.coalesce(orders.c.reference, accounting.c.order_id).label("name"),
            orders.c.contact_name.label("contact"),
            orders.c.order_date.label("date"),
            accounting.c.failed,
            accounting.c.findings,
            accounting.c.since,
            accounting.c.tries,
            accounting.c.skipped,
        )
        .join_from(accounting, orders, and_(*theirs), isouter=True)
        .where(link_in_trouble(), taken_out if wanted.skipped else not_(taken_out))
        .where(accounting.c.kind.in_([kind.value for kind in wanted.kinds]))
    )
    if wanted.cause is Cause.not_shown:
        query = query.where(accounting.c.failed.is_not(None))
    elif wanted.cause:
        query = query.where(names_cause(accounting.c.findings, wanted.cause))
    return accounting.c.since, query


QUERIES: dict[Subject, Callable[[Wanted], tuple[Column[Any], Select[Any]]]] = {
    Subject.order: _orders,
    Subject.document: _documents,
    Subject.link: _links,
}


def of_side(kind: Kind) -> ColumnElement[bool]:
    """That a document is one of sales, or else one of purchases."""
    sale = or_(*(documents.c.type.startswith(prefix) for prefix in _SALES))
    return sale if kind is Kind.customer else not_(sale)


def names_cause(findings: Column[Any], cause: Cause) -> ColumnElement[bool]:
    """That a stored list of findings has one of this cause: no quote stands unescaped inside its texts."""
    return findings.contains(f'"cause":"{cause.value}"', autoescape=True)
