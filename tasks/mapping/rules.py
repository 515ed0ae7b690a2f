"""The rules by which an order becomes a document: what a person sets for each connection."""

import string
from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tasks.domain.documents import DocumentType
from tasks.domain.orders import Kind, Order

NUMBER_FIELDS = {"prefix", "reference", "external", "id", "year"}
ADDRESS_FIELDS = {"kind", "id", "reference"}


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _fields_of(pattern: str, allowed: set[str]) -> set[str]:
    try:
        parts = [part for part in string.Formatter().parse(pattern) if part[1] is not None]
    except ValueError as error:
        raise ValueError(f"is not a pattern: {error}") from None
    fields = {name for _, name, _, _ in parts if name is not None}
    if unknown := fields - allowed:
        raise ValueError(f"knows {{{'}, {'.join(sorted(allowed))}}}, not {{{'}, {'.join(sorted(unknown))}}}")
    if any(form or conversion for _, _, form, conversion in parts):
        raise ValueError("takes plain fields: no ':' or '!' within the braces")
    return fields


class KindRules(_Model):
    """How one kind of order (customer or supplier) is exported."""

    document: DocumentType = Field(description="invoice, bill or purchase_order")
    trigger: Literal["confirmed", "fulfilled"] = "confirmed"
    status: Literal["DRAFT", "SUBMITTED", "AUTHORISED"] = "DRAFT"
    number: str = "{prefix}{reference}"
    due_days: Annotated[int, Field(ge=0, le=366)] | None = None
    unrepresentable: Literal["hold", "net"] = "hold"
    cancelled: Literal["hold", "credit"] = Field(
        "hold", description="an order cancelled after its document was sent or paid: hold it, or credit it"
    )
    returns: Literal["hold", "credit"] = Field(
        "hold", description="goods that came back after their document was sent or paid: hold, or credit them"
    )
    default_account: str | None = None
    accounts: dict[str, str] = Field(default_factory=dict, description="account code by product category")
    shipping_account: str | None = None
    shipping_text: str = "Shipping"

    @field_validator("number")
    @classmethod
    def _number_is_usable(cls, pattern: str) -> str:
        if not _fields_of(pattern, NUMBER_FIELDS) & {"reference", "external", "id"}:
            raise ValueError("must contain {reference}, {external} or {id}: else all orders share a number")
        if "," in pattern:
            raise ValueError("must not contain a comma: Xero separates lists of numbers by commas")
        return pattern


class TaxRule(_Model):
    """One row of the tax table: for orders of this kind, rate and country, this tax type.

    A field that is left out fits every order; of several rules that fit, the one with the most fields wins.
    """

    kind: Kind
    rate: Decimal
    type: str
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] | None = None
    code: str | None = Field(None, description="Monstock's own code for the rate")

    @property
    def nearness(self) -> int:
        """How many of the optional fields are set."""
        return (self.country is not None) + (self.code is not None)


class TrackingRule(_Model):
    """Which of Xero's tracking categories a warehouse or channel fills."""

    category: str
    options: dict[str, str] = Field(default_factory=dict, description="Xero's option, where it differs")


class OrderFilter(_Model):
    """Which orders of the account are this connection's: all of them where nothing is set.

    Where several companies share an account, each has a connection with a filter of its own. An order must bear
    one of the values of each field that is set.
    """

    channels: tuple[str, ...] = ()
    warehouses: tuple[str, ...] = ()
    currencies: tuple[str, ...] = ()

    def takes(self, order: Order) -> bool:
        """Whether the order is this connection's."""
        asked = (
            (self.channels, order.channel),
            (self.warehouses, order.warehouse),
            (self.currencies, order.currency),
        )
        return all(not values or value in values for values, value in asked)

    def overlaps(self, other: "OrderFilter") -> bool:
        """Whether some order could belong to both."""
        pairs = (
            (self.channels, other.channels),
            (self.warehouses, other.warehouses),
            (self.currencies, other.currencies),
        )
        return all(not mine or not theirs or set(mine) & set(theirs) for mine, theirs in pairs)


class BillRules(_Model):
    """What may differ between an order and its bills before a person is asked: the greater of the two."""

    tolerance: Annotated[Decimal, Field(ge=0)] = Decimal("0.05")
    tolerance_percent: Annotated[Decimal, Field(ge=0, le=100)] = Decimal("0.1")


class Rules(_Model):
    """All mapping rules of a connection."""

    prefix: str = Field("", max_length=20, description="begins document numbers and contact numbers")
    export_from: date = Field(description="the cut-over: older orders are listed, never sent")
    order_url: str = Field(description="address of an order in Monstock: the link back, and our mark")
    customer: KindRules = KindRules(document=DocumentType.invoice)
    supplier: KindRules = KindRules(document=DocumentType.purchase_order)
    taxes: tuple[TaxRule, ...] = ()
    warehouse: TrackingRule | None = None
    channel: TrackingRule | None = None
    item_codes: bool = True
    orders: OrderFilter = OrderFilter()
    bills: BillRules = BillRules()

    @field_validator("prefix")
    @classmethod
    def _prefix_is_printable(cls, prefix: str) -> str:
        if "," in prefix or not (prefix.isascii() and prefix.isprintable()):
            raise ValueError("must be printable ASCII without commas")
        return prefix

    @field_validator("order_url")
    @classmethod
    def _address_is_a_mark(cls, template: str) -> str:
        if not {"id", "kind"} <= _fields_of(template, ADDRESS_FIELDS):
            raise ValueError(
                "must contain {kind} and {id} (https://.../{kind}/{id}, or .../{id}#{kind}): the address is how "
                "an order's document is known again"
            )
        if not template.startswith(("https://", "http://")):
            raise ValueError("must be a web address (https://...)")
        if "xero" in template.lower():
            raise ValueError('must not contain "xero": Xero refuses such addresses')
        return template

    @model_validator(mode="after")
    def _documents_fit_kinds(self) -> Self:
        if self.customer.document is not DocumentType.invoice:
            raise ValueError("customer.document must be invoice")
        if self.supplier.document is DocumentType.invoice:
            raise ValueError("supplier.document must be bill or purchase_order")
        return self

    @model_validator(mode="after")
    def _tracking_categories_differ(self) -> Self:
        if self.warehouse and self.channel and self.warehouse.category == self.channel.category:
            raise ValueError("warehouse and channel must fill different tracking categories")
        return self

    def of(self, kind: Kind) -> KindRules:
        """The rules of one kind."""
        return self.customer if kind is Kind.customer else self.supplier
