"""Looks a connection over before anything is exported: settings against the live organisation and real orders."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tasks.connections.connection import Connection
from tasks.domain.books import Account, Books
from tasks.domain.errors import MonstockXeroError, Unreadable
from tasks.domain.orders import Kind, Order
from tasks.domain.outcomes import Cause, OrderState
from tasks.exporting.books import open_books, read_lists
from tasks.mapping.contacts import Directory
from tasks.mapping.document import Held, draft, standing
from tasks.mapping.rules import Rules
from tasks.mapping.taxes import fitting_rules, suggestions
from tasks.monstock import wire

RECENT = timedelta(days=90)
PAGES = 20
_UNMAPPED = {Cause.tax_unmapped, Cause.tax_ambiguous, Cause.tax_mismatch, Cause.tax_illegal}
_UNMAPPED |= {Cause.account_unmapped, Cause.account_invalid, Cause.currency, Cause.tracking_missing}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: where, whether it holds, a sentence, and a suggestion ready to be pasted."""

    place: str
    holds: bool
    sentence: str
    suggestion: str = ""


def check(connection: Connection) -> Iterator[Check]:
    """Go through ledger, both systems, every rule, and what recent orders use."""
    at = f"connections.{connection.name}"
    yield Check("ledger", True, f"{connection.database.address} is open, its schema is ours.")
    try:
        books = open_books(connection, read_lists(connection))
        yield Check(f"{at}.xero", True, _connected(connection, books))
    except MonstockXeroError as error:
        yield Check(f"{at}.xero", False, str(error))
        return
    yield from _rules(at, connection, books)
    try:
        orders = list(_recent(connection))
    except MonstockXeroError as error:
        yield Check(f"{at}.monstock", False, str(error))
        return
    yield Check(f"{at}.monstock", True, f"{len(orders):,} recent orders that are due were read.")
    yield from _unmapped(at, connection, books, orders)


def _connected(connection: Connection, books: Books) -> str:
    pin = connection.pins.read()
    since = f" Connected since {pin.connected_at:%Y-%m-%d %H:%M} UTC." if pin and pin.connected_at else ""
    return f'Tenant {connection.organisation.tenant_id} is "{books.tenant_name}", as pinned.{since}'


def _rules(at: str, connection: Connection, books: Books) -> Iterator[Check]:
    """Every account, tax type and tracking category that a rule names."""
    rules = connection.settings
    for kind in Kind:
        of = rules.of(kind)
        named = {"default_account": of.default_account, "shipping_account": of.shipping_account}
        named |= {f"accounts.{category}": code for category, code in of.accounts.items()}
        for name, code in named.items():
            if code and (code not in books.accounts or books.accounts[code].status != "ACTIVE"):
                yield Check(
                    f"{at}.{kind}.{name}",
                    False,
                    f"Account {code} is not active in Xero.",
                    _accounts(books, kind),
                )
    for place, rule in enumerate(rules.taxes):
        tax = books.tax_rates.get(rule.type)
        if tax is None or tax.status != "ACTIVE" or tax.rate != rule.rate:
            stands = f"stands at {tax.rate} %" if tax and tax.status == "ACTIVE" else "is not active"
            likely = ", ".join(t.tax_type for t in suggestions(books, rule.kind, rule.rate))
            yield Check(
                f"{at}.taxes[{place}]", False, f"{rule.type} {stands} in Xero.", f"type = one of: {likely}"
            )
    for name, tracking in (("warehouse", rules.warehouse), ("channel", rules.channel)):
        if tracking and tracking.category not in books.tracking:
            known = ", ".join(sorted(books.tracking)) or "none"
            yield Check(
                f"{at}.{name}",
                False,
                f'Xero has no tracking category "{tracking.category}".',
                f"It has: {known}",
            )


def _recent(connection: Connection) -> Iterator[Order]:
    """Orders that are due, of the last 90 days; at most 5,000 a kind."""
    since = max(connection.settings.export_from, datetime.now(UTC).date() - RECENT)
    for kind in Kind:
        cursor = None
        for _ in range(PAGES):
            page = connection.monstock.orders(kind, date_from=since, cursor=cursor)
            for record in page.records:
                try:
                    order = wire.order(record.payload, record.revision)
                except Unreadable:
                    continue
                if standing(order, connection.settings) is OrderState.pending:
                    yield order
            cursor = page.cursor
            if cursor is None:
                break


def _unmapped(at: str, connection: Connection, books: Books, orders: list[Order]) -> Iterator[Check]:
    """What recent orders use and no rule or list of Xero's knows, each once, with how many orders it holds."""
    found: dict[tuple[Cause, str], tuple[Order, int]] = {}
    for order in orders:
        made = draft(order, connection.settings, books, Directory())
        if not isinstance(made, Held):
            continue
        for cause, detail in {(f.cause, f.detail) for f in made.findings if f.cause in _UNMAPPED}:
            first, count = found.get((cause, detail), (order, 0))
            found[cause, detail] = (first, count + 1)
    for (cause, detail), (order, count) in found.items():
        sentence = f"{cause.value}: {detail} ({count} recent orders, {order.reference} for one)"
        yield Check(
            f"{at}.{order.kind}",
            False,
            sentence,
            _suggestion(cause, order, books, connection.settings, connection.name),
        )


def _suggestion(cause: Cause, order: Order, books: Books, rules: Rules, name: str) -> str:
    if cause is Cause.tax_unmapped:
        known = (
            fitting_rules(rules, order.kind, line.tax_rate, order.contact.country_code, line.tax_code)
            for line in order.lines
        )
        rates = sorted({line.tax_rate for line, fits in zip(order.lines, known, strict=True) if not fits})
        pasted = [
            f'[[connections.{name}.taxes]]\nkind = "{order.kind}"\nrate = {rate}\ntype = "{tax.tax_type}"  # {tax.name}'
            for rate in rates
            for tax in suggestions(books, order.kind, rate)[:1]
        ]
        return "\n".join(pasted) or "Add the tax rate in Xero (Accounting, Tax rates), then map it here."
    if cause in {Cause.account_unmapped, Cause.account_invalid}:
        return _accounts(books, order.kind)
    if cause is Cause.currency:
        return f"Add {order.currency} in Xero (Settings, Currencies)."
    if cause is Cause.tracking_missing:
        return "Add the option in Xero (Accounting, Tracking categories), or map it under options."
    return ""


def _accounts(books: Books, kind: Kind) -> str:
    wanted = {"SALES", "REVENUE"} if kind is Kind.customer else {"DIRECTCOSTS", "EXPENSE", "INVENTORY"}
    likely = [a for a in books.accounts.values() if a.type in wanted and a.status == "ACTIVE"]
    return "Xero has: " + ", ".join(_named(account) for account in sorted(likely, key=lambda a: a.code)[:6])


def _named(account: Account) -> str:
    return f"{account.code} {account.name}"
