"""Lists: filters, If-Modified-Since, order, pages."""

from collections.abc import Callable
from dataclasses import dataclass

from deployments.sandbox.codec import Json
from deployments.sandbox.store import Filter
from deployments.sandbox.web import Answer
from deployments.sandbox.xero import dates, query, render
from deployments.sandbox.xero.call import Call
from deployments.sandbox.xero.envelope import envelope
from deployments.sandbox.xero.errors import BadRequestError

Show = Callable[[Call, list[Json], bool], list[Json]]


def _documents(kind: str) -> Show:
    def show(call: Call, bodies: list[Json], detailed: bool) -> list[Json]:
        return render.documents(
            call, kind, bodies, lines=detailed, links=detailed or not call.flag("summaryOnly")
        )

    return show


def _plain(call: Call, bodies: list[Json], detailed: bool) -> list[Json]:
    return [render.wire(body) for body in bodies]


@dataclass(frozen=True)
class Listing:
    """One list: what it takes. `pages`: "never", "asked" (only with `page`) or "always"."""

    kind: str
    plural: str
    id: str = ""
    pages: str = "never"
    modified: bool = False
    takes: tuple[str, ...] = ("where", "order")
    show: Show = _plain
    order: str = "updated, id"


_PAGED = ("where", "order", "page", "pageSize")
LISTINGS = {
    listing.plural: listing
    for listing in (
        Listing(
            "invoice",
            "Invoices",
            "InvoiceID",
            "asked",
            True,
            (
                *_PAGED,
                *[
                    "IDs",
                    "InvoiceNumbers",
                    "ContactIDs",
                    "Statuses",
                    "includeArchived",
                    "createdByMyApp",
                    "unitdp",
                ],
                *["summaryOnly", "searchTerm"],
            ),
            _documents("invoice"),
        ),
        Listing(
            "purchase_order",
            "PurchaseOrders",
            "PurchaseOrderID",
            "always",
            True,
            ("Status", "DateFrom", "DateTo", "order", "page", "pageSize"),
            _documents("purchase_order"),
        ),
        Listing(
            "contact",
            "Contacts",
            "ContactID",
            "asked",
            True,
            (*_PAGED, "IDs", "includeArchived", "summaryOnly", "searchTerm"),
        ),
        Listing(
            "credit_note",
            "CreditNotes",
            "CreditNoteID",
            "asked",
            True,
            (*_PAGED, "unitdp"),
            _documents("credit_note"),
        ),
        Listing("payment", "Payments", "PaymentID", "asked", True, _PAGED),
        Listing(
            "overpayment",
            "Overpayments",
            "OverpaymentID",
            "asked",
            True,
            (*_PAGED, "unitdp", "References"),
            _documents("overpayment"),
        ),
        Listing(
            "prepayment",
            "Prepayments",
            "PrepaymentID",
            "asked",
            True,
            (*_PAGED, "unitdp", "InvoiceNumbers"),
            _documents("prepayment"),
        ),
        Listing("item", "Items", "ItemID", modified=True, takes=("where", "order", "unitdp")),
        Listing("account", "Accounts", "AccountID", modified=True, order="number"),
        Listing("tax_rate", "TaxRates", order="id"),
        Listing(
            "tracking",
            "TrackingCategories",
            "TrackingCategoryID",
            takes=("where", "order", "includeArchived"),
        ),
        Listing("currency", "Currencies", order="id"),
        Listing("organisation", "Organisation", takes=()),
    )
}
_LISTS = {
    "IDs": "id",
    "InvoiceNumbers": "number",
    "ContactIDs": "owner",
    "Statuses": "status",
    "Status": "status",
    "References": "reference",
}
_DAYS = {"DateFrom": "date >= ?", "DateTo": "date <= ?"}


def read(call: Call, listing: Listing) -> Answer:
    """A list, or one page of it."""
    asked = call.request.query
    if unknown := sorted(set(asked) - set(listing.takes)):
        raise BadRequestError.query(f"{listing.plural} has no parameter {', '.join(unknown)}")
    where = _filter(call, listing)
    count = call.store.count(call.tenant, listing.kind, where)
    if count > call.switches["rows_touched_limit"]:
        raise BadRequestError.query(f"The request would touch {count} rows: narrow it down.")
    order = query.order(listing.kind, asked["order"]) if asked.get("order") else listing.order
    paged = listing.pages == "always" or (
        listing.pages == "asked" and ("page" in asked or "pageSize" in asked)
    )
    page, size = _page(asked) if paged else (1, -1)
    rows = call.store.find(call.tenant, listing.kind, where, order, size, (page - 1) * max(size, 0))
    detailed = paged and not call.flag("summaryOnly")
    content: Json = {}
    if paged:
        pages = -(-count // size)
        content["pagination"] = {"page": page, "pageSize": size, "pageCount": pages, "itemCount": count}
    plural = "Organisations" if listing.plural == "Organisation" else listing.plural
    content[plural] = listing.show(call, rows, detailed)
    return Answer.json(envelope(call, content))


def _page(asked: dict[str, str]) -> tuple[int, int]:
    try:
        page, size = int(asked.get("page", "1")), int(asked.get("pageSize", "100"))
    except ValueError as error:
        raise BadRequestError.query("page and pageSize must be whole numbers") from error
    return max(page, 1), min(max(size, 1), 1000)


def _filter(call: Call, listing: Listing) -> Filter:
    asked = call.request.query
    where = query.where(listing.kind, asked["where"]) if asked.get("where") else Filter()
    for name, column in _LISTS.items():
        if asked.get(name):
            values = query.commas(asked[name])
            where &= Filter.among(
                column, (value.lower() if name.endswith("IDs") else value for value in values)
            )
    for name, sql in _DAYS.items():
        if asked.get(name):
            where &= Filter(sql, (_day(asked[name]),))
    if call.flag("createdByMyApp"):
        where &= Filter("client = ?", (call.client,))
    if term := asked.get("searchTerm"):
        where &= _search(call, listing, term)
    return where & _hidden(call, listing) & _since(call, listing)


def _day(text: str) -> str:
    try:
        return dates.read_day(text)
    except ValueError as error:
        raise BadRequestError.query(str(error)) from error


def _search(call: Call, listing: Listing, term: str) -> Filter:
    like = f"%{term}%"
    if listing.kind == "contact":
        fields = ("Name", "FirstName", "LastName", "EmailAddress", "ContactNumber", "CompanyNumber")
        sql = " or ".join(f"json_extract(body, '$.{field}') like ?" for field in fields)
        return Filter(sql, (like,) * len(fields))
    named = "owner in (select id from documents where tenant = ? and kind = 'contact' and name like ?)"
    return Filter(f"number like ? or reference like ? or {named}", (like, like, call.tenant, like.lower()))


def _hidden(call: Call, listing: Listing) -> Filter:
    if listing.kind in ("contact", "tracking") and not call.flag("includeArchived"):
        return Filter("status = 'ACTIVE'")
    if listing.kind == "payment" and not call.switches["deleted_payments_shown"]:
        return Filter("status <> 'DELETED'")
    return Filter()


def _since(call: Call, listing: Listing) -> Filter:
    header = call.request.headers.get("if-modified-since")
    if not header or not listing.modified:
        return Filter()
    try:
        since = dates.read_moment(header)
    except (ValueError, TypeError) as error:
        raise BadRequestError.query(f"If-Modified-Since cannot be read: {header}") from error
    if not call.switches["if_modified_since_inclusive"]:
        since += 1000
    return Filter("updated >= ?", (since,))


def single(call: Call, listing: Listing, body: Json) -> Answer:
    """One document, with everything."""
    return Answer.json(envelope(call, {listing.plural: listing.show(call, [body], True)}))
