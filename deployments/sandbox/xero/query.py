"""`where`, `order` and comma lists: the fast filters, and nothing beside them."""

import re
from collections.abc import Callable
from decimal import Decimal
from urllib.parse import unquote

from deployments.sandbox.store import Filter
from deployments.sandbox.xero.errors import BadRequestError

_INVOICE = {
    "Type": "type",
    "Status": "status",
    "InvoiceNumber": "number",
    "Reference": "reference",
    "InvoiceID": "id",
    "InvoiceId": "id",
    "Contact.ContactID": "owner",
    "Date": "date",
    "DueDate": "due",
    "AmountDue": "amount_due",
    "AmountPaid": "amount_paid",
    "Total": "total",
    "UpdatedDateUTC": "updated",
}
FIELDS: dict[str, dict[str, str]] = {
    "invoice": _INVOICE,
    "credit_note": {
        **{name: column for name, column in _INVOICE.items() if not name.startswith("Invoice")},
        "CreditNoteNumber": "number",
        "CreditNoteID": "id",
    },
    "purchase_order": {
        "PurchaseOrderNumber": "number",
        "PurchaseOrderID": "id",
        "Date": "date",
        "Status": "status",
        "UpdatedDateUTC": "updated",
    },
    "contact": {
        "ContactID": "id",
        "Name": "json_extract(body, '$.Name')",
        "ContactNumber": "number",
        "ContactStatus": "status",
        "EmailAddress": "json_extract(body, '$.EmailAddress')",
        "AccountNumber": "reference",
        "IsSupplier": "json_extract(body, '$.IsSupplier')",
        "IsCustomer": "json_extract(body, '$.IsCustomer')",
        "UpdatedDateUTC": "updated",
    },
    "payment": {
        "PaymentID": "id",
        "Status": "status",
        "PaymentType": "type",
        "Date": "date",
        "Amount": "total",
        "Reference": "reference",
        "Invoice.InvoiceID": "owner",
        "UpdatedDateUTC": "updated",
    },
    "item": {"Code": "number", "Name": "json_extract(body, '$.Name')", "ItemID": "id"},
    "account": {
        "Code": "number",
        "Name": "json_extract(body, '$.Name')",
        "Type": "type",
        "Status": "status",
        "Class": "json_extract(body, '$.Class')",
        "AccountID": "id",
    },
    "tax_rate": {"TaxType": "type", "Name": "json_extract(body, '$.Name')", "Status": "status"},
    "tracking": {"Name": "json_extract(body, '$.Name')", "Status": "status", "TrackingCategoryID": "id"},
    "currency": {"Code": "number"},
}
FIELDS["prepayment"] = FIELDS["overpayment"] = {
    name: column for name, column in _INVOICE.items() if not name.startswith("Invoice")
}

_AND = re.compile(r"\s+AND\s+|\s*&&\s*", re.IGNORECASE)
_OR = re.compile(r"\s+OR\s+|\s*\|\|\s*", re.IGNORECASE)
_TERM = re.compile(r"\s*([A-Za-z.]+?)\s*(==|!=|<>|>=|<=|=|>|<)\s*(.+?)\s*")
_METHOD = re.compile(r"\s*([A-Za-z.]+)\.(StartsWith|EndsWith|Contains)\(\"([^\"]*)\"\)\s*")
_OPERATORS = {
    "==": "is",
    "=": "is",
    "!=": "is not",
    "<>": "is not",
    ">=": ">=",
    "<=": "<=",
    ">": ">",
    "<": "<",
}
_LIKE = {"StartsWith": "{}%", "EndsWith": "%{}", "Contains": "%{}%"}


def where(kind: str, text: str) -> Filter:
    """A `where`: terms joined with AND; OR only between ids of one kind."""
    blanked = re.sub(r'"[^"]*"', lambda match: '"' + "x" * (len(match[0]) - 2) + '"', text)
    found = Filter()
    for start, end in _pieces(_AND, blanked):
        found &= _either(kind, text[start:end])
    return found


def _either(kind: str, text: str) -> Filter:
    text = text.strip()
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1]
    terms = [_term(kind, text[start:end]) for start, end in _pieces(_OR, text)]
    if len(terms) == 1:
        return terms[0]
    if any(not term.sql.startswith("id is ") for term in terms):
        raise BadRequestError.query("OR is only possible between ids")
    return Filter(" or ".join(term.sql for term in terms), tuple(v for term in terms for v in term.values))


def _pieces(separator: re.Pattern[str], text: str) -> list[tuple[int, int]]:
    cuts = [match.span() for match in separator.finditer(text)]
    starts, ends = [0, *(end for _, end in cuts)], [*(start for start, _ in cuts), len(text)]
    return list(zip(starts, ends, strict=True))


def _term(kind: str, text: str) -> Filter:
    if match := _METHOD.fullmatch(text):
        pattern = re.sub(r"([%_\\])", r"\\\1", match[3])
        return Filter(f"{_column(kind, match[1])} like ? escape '\\'", (_LIKE[match[2]].format(pattern),))
    match = _TERM.fullmatch(text)
    if match is None:
        raise BadRequestError.query(f"Cannot read: {text}")
    return Filter(f"{_column(kind, match[1])} {_OPERATORS[match[2]]} ?", (_literal(match[3]),))


def _column(kind: str, name: str) -> str:
    if name not in FIELDS[kind]:
        raise BadRequestError.query(f"No property or field '{name}' exists")
    return FIELDS[kind][name]


def _day(numbers: str) -> str:
    year, month, day, *_ = (int(number) for number in numbers.split(","))
    return f"{year:04}-{month:02}-{day:02}"


_LITERALS: list[tuple[str, Callable[[str], object]]] = [
    (r'"([^"]*)"', str),
    (r'(?:Guid|guid|GUID)\("([0-9A-Fa-f-]{36})"\)', str.lower),
    (r"DateTime\(([\d,\s]+)\)", _day),
    (r"(-?\d+(?:\.\d+)?)[mM]?", lambda text: float(Decimal(text))),
    (r"(true|false)", lambda text: int(text == "true")),
    (r"(null)", lambda _: None),
]


def _literal(text: str) -> object:
    for pattern, read in _LITERALS:
        if match := re.fullmatch(pattern, text):
            return read(match[1])
    raise BadRequestError.query(f"Cannot read the value: {text}")


def order(kind: str, text: str) -> str:
    """An `order`, with the id to decide between equals."""
    parts = []
    for piece in unquote(text).split(","):
        name, _, direction = piece.strip().partition(" ")
        if direction.strip().upper() not in ("", "ASC", "DESC"):
            raise BadRequestError.query(f"Cannot read the order: {piece}")
        parts.append(f"{_column(kind, name)} {direction.strip() or 'ASC'}")
    return ", ".join([*parts, "id"])


def commas(text: str) -> list[str]:
    """A comma list, its commas escaped once more or not."""
    return [part.strip() for part in text.replace("%2C", ",").replace("%2c", ",").split(",") if part.strip()]
