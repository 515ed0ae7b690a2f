"""What makes the two sides differ, over HTTP: people in Xero and in Monstock, other apps, and mishaps of our own."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tasks.connections.connection import Connection
from tasks.domain.errors import NoAnswer
from tasks.exporting.deciding import take
from tasks.importing.outcome import Read
from tests.exporting.driver import read as read_orders
from tests.importing.driver import link
from tests.importing.driver import match as match_documents
from tests.importing.driver import read as read_documents
from tests.reconciling.cases import Act, At, Order, Seed, Stage

One = Callable[[Stage, Order], At | None]
Fields = dict[str, Any]
SALE = {"Description": "Mug", "Quantity": 1, "AccountCode": "200", "TaxType": "OUTPUT2"}
PURCHASE = {"Description": "Goods", "Quantity": 1, "AccountCode": "310", "TaxType": "INPUT2"}
# How the settings of the sandbox's connection begin our mark on an invoice.
ADDRESS = "https://monstock.example/customer-orders"


def number_of(one: Order) -> str:
    """The number that we give an order's document."""
    return f"MS-{one['reference']}"


def each(do: One) -> Seed:
    """For each order by itself; it is found at the order, unless `do` says where."""
    return lambda stage, orders: [do(stage, one) or stage.at(one) for one in orders]


def all_of(do: One) -> Act:
    """The same as something that befell them before."""

    def act(stage: Stage, orders: Any) -> None:
        for one in orders:
            do(stage, one)

    return act


def nothing(stage: Stage, one: Order) -> None:
    """It is in place already."""


# -- in Xero, by hand


def edited(**fields: Any) -> One:
    """A person edits the order's own document; a field may be told by the stage and the order."""

    def do(stage: Stage, one: Order) -> None:
        stage.edit(one, **{k: v(stage, one) if callable(v) else v for k, v in fields.items()})

    return do


def ago(days: int) -> Callable[[Stage, Order], str]:
    return lambda stage, one: stage.day(days)


def lines(**changes: Any) -> Callable[[Stage, Order], list[Fields]]:
    """The first line with these changes."""

    def changed(stage: Stage, one: Order) -> list[Fields]:
        first, *others = stage.row(one)["LineItems"]
        return [
            {"LineItemID": first["LineItemID"], **changes},
            *({"LineItemID": other["LineItemID"]} for other in others),
        ]

    return changed


def more(**line: Any) -> Callable[[Stage, Order], list[Fields]]:
    """The lines that there are, and one more."""
    return lambda stage, one: [*lines()(stage, one), {**SALE, **line}]


def dearer(stage: Stage, one: Order) -> list[Fields]:
    first = stage.row(one)["LineItems"][0]
    return lines(UnitAmount=str(Decimal(str(first["UnitAmount"])) + 1))(stage, one)


def another_contact(stage: Stage, one: Order) -> Fields:
    return {"Name": f"Holding of {one['contact']['name']}"}


def in_xero(action: str, **what: Any) -> One:
    """What else a person does to the order's invoice."""

    def do(stage: Stage, one: Order) -> None:
        stage.sandbox.edit(action, id=stage.document(one), **what)

    return do


def close_period(stage: Stage, orders: Any) -> list[At]:
    """A period is closed; what is dated in it and not approved is left there."""
    stage.sandbox.edit("lock", period=max(one["orderDate"] for one in orders))
    return [stage.at(one) for one in orders]


# -- documents that others make in Xero


def by_hand(stage: Stage, kind: str = "invoice", **fields: Any) -> str:
    """A document that a person or another app makes; its id."""
    given = {"Date": stage.day(3), "Status": "AUTHORISED"} | fields
    if kind == "invoice":
        given.setdefault("DueDate", stage.day(-27))
    made = stage.sandbox.edit("create", kind=kind, fields=given)
    return str(made["InvoiceID" if kind == "invoice" else "PurchaseOrderID"])


def sale(stage: Stage, one: Order, price: str = "71.00", **fields: Any) -> At:
    """A sales invoice, of a stranger unless said otherwise."""
    contact = {"Name": f"Stranger {one['contact']['name']}"}
    given = {"Type": "ACCREC", "Contact": contact, "LineItems": [{**SALE, "UnitAmount": price}]}
    return At(None, by_hand(stage, **given | fields))


def bill(stage: Stage, one: Order, price: str = "71.00", text: str = "Goods", **fields: Any) -> At:
    """A bill, of a stranger unless said otherwise."""
    contact = {"Name": f"Stranger {one['contact']['name']}"}
    goods = [{**PURCHASE, "UnitAmount": price, "Description": text}]
    return At(None, by_hand(stage, **{"Type": "ACCPAY", "Contact": contact, "LineItems": goods} | fields))


def unknown_mark(stage: Stage, one: Order) -> At:
    return sale(stage, one, Url=f"{ADDRESS}/lost-{one['id']}")


def unknown_marked_order(stage: Stage, one: Order) -> At:
    stage.sandbox.edit(
        "create", kind="contact", fields=(contact := {"Name": f"Old {one['contact']['name']}"})
    )
    goods = [{**PURCHASE, "UnitAmount": "71.00"}]
    reference = f"{one['reference']} [MS-lost-{one['id']}]"
    return At(None, by_hand(stage, "purchase_order", Contact=contact, LineItems=goods, Reference=reference))


def second_of_ours(stage: Stage, one: Order) -> At:
    """Somebody copies the invoice through another app, its address included."""
    here = {"Name": one["contact"]["name"]}
    made = sale(stage, one, "19.00", Contact=here, Url=stage.row(one)["Url"])
    return At(stage.at(one).order, made.document)


def twin(stage: Stage, one: Order) -> At:
    """Another tool makes the invoice once more: contact, date, total and reference are the same, its number not."""
    row = stage.row(one)
    names = ("Description", "Quantity", "UnitAmount", "AccountCode", "TaxType")
    goods = [{name: line[name] for name in names} for line in row["LineItems"]]
    contact = {"ContactID": row["Contact"]["ContactID"]}
    return sale(
        stage, one, Contact=contact, LineItems=goods, Date=one["orderDate"], Reference=row["Reference"]
    )


def likely_bill(stage: Stage, one: Order) -> At:
    """It names no order, but contact and amount are this one's."""
    net = str(stage.row(one)["SubTotal"])
    return bill(stage, one, net, Contact={"Name": one["contact"]["name"]})


def part_bill(stage: Stage, one: Order, share: str, text: str) -> At:
    net = (Decimal(str(stage.row(one)["SubTotal"])) * Decimal(share)).quantize(Decimal("0.01"))
    said = f"Order {one['reference']}, {text}"
    return bill(stage, one, str(net), said, Contact={"Name": one["contact"]["name"]})


def billed_twice(stage: Stage, one: Order) -> None:
    """Two bills name the order, and come to more than it."""
    part_bill(stage, one, "0.6", "first part")
    part_bill(stage, one, "0.7", "the rest")


def billed_whole(stage: Stage, one: Order) -> None:
    part_bill(stage, one, "1", "all of it")


def unreadable_sale(stage: Stage, one: Order) -> At:
    """A stranger's invoice bears a type that nobody has heard of."""
    made = sale(stage, one)
    stage.sandbox.edit("rewrite", kind="invoice", id=made.document, fields={"Type": "ACCBARTER"})
    return made


def unreadable_own(stage: Stage, one: Order) -> None:
    """The order's own invoice bears a status that nobody has heard of."""
    fields = {"Status": "DISPUTED"}
    stage.sandbox.edit("rewrite", kind="invoice", id=stage.document(one), fields=fields)


# -- in Monstock


def changed(**fields: Any) -> One:
    """A person changes the order."""

    def do(stage: Stage, one: Order) -> None:
        stage.sandbox.edit("edit", on="monstock", id=one["id"], fields=fields)

    return do


def relined(**changes: Any) -> One:
    """A person changes the order's line."""

    def do(stage: Stage, one: Order) -> None:
        fields = {"lines": [{**one["lines"][0], **changes}]}
        stage.sandbox.edit("edit", on="monstock", id=one["id"], fields=fields)

    return do


def in_monstock(action: str, **what: Any) -> One:
    """What else a person does to the order."""

    def do(stage: Stage, one: Order) -> None:
        stage.sandbox.edit(action, on="monstock", id=one["id"], **what)

    return do


def overwritten(**fields: Any) -> One:
    """Something overwrites what Monstock shows of the order's document."""

    def do(stage: Stage, one: Order) -> None:
        standing = link(stage.sandbox, one["id"])
        assert standing is not None
        changed(accounting={**standing, **fields})(stage, one)

    return do


def newly_confirmed(stage: Stage, one: Order) -> None:
    stage.load([one])


# -- in the course of our own work


def exported(stage: Stage, orders: Any) -> None:
    """The next run takes these orders up."""
    stage.sandbox.advance(2)
    stage.export(orders)


def after(*steps: One) -> Act:
    """Something befalls each order, and the next run follows."""

    def act(stage: Stage, orders: Any) -> None:
        stage.sandbox.advance(2)
        for one in orders:
            for step in steps:
                step(stage, one)
        exported(stage, orders)

    return act


def in_turn(*acts: Act) -> Act:
    """One after the other."""

    def act(stage: Stage, orders: Any) -> None:
        for one in acts:
            one(stage, orders)

    return act


def take_theirs(stage: Stage, one: Order) -> None:
    """A person lets the document stand."""
    take(stage.connection, one["reference"], "theirs", "ada")


@contextmanager
def before_each(connection: Connection, method: str, path: str, do: Callable[[], None]) -> Iterator[None]:
    """Something happens in Xero right before each such call of ours arrives."""

    def hook(request: httpx.Request) -> None:
        if request.method == method and request.url.path.endswith(path):
            do()

    client = connection.xero.http._client
    before = client.event_hooks
    client.event_hooks = {**before, "request": [*before["request"], hook]}
    yield
    client.event_hooks = before


def refused(stage: Stage, orders: Any) -> None:
    """Between our look at the contacts and the writing, a person archives them: Xero refuses the invoices."""
    left = [one["contact"]["name"] for one in orders]

    def archive() -> None:
        while left:
            stage.sandbox.edit("archive_contact", name=left.pop())

    stage.load(orders)
    with before_each(stage.connection, "PUT", "/Invoices", archive):
        stage.export(orders)


def unanswered(stage: Stage, orders: Any) -> list[At]:
    """The invoices are made, and Xero's answer is lost each time we ask for it: the attempt stays open."""
    stage.load(orders)
    tries = stage.connection.xero.http.patience.attempts
    stage.sandbox.fault("lose_answer", method="PUT", path="/Invoices$", next=tries)
    with pytest.raises(NoAnswer):
        stage.export(orders)
    return [stage.at(one) for one in orders]


def credit_note_left(stage: Stage, orders: Any) -> list[At]:
    """At the order, with the note that is set against nothing."""
    notes = stage.connection.xero.page("CreditNotes").rows
    ids = {row["CreditNoteNumber"]: row["CreditNoteID"] for row in notes}
    return [At((one["kind"], one["id"]), ids[f"{number_of(one)}-CR1"]) for one in orders]


def found_by_hand(stage: Stage, orders: Any) -> None:
    """People make the invoices of orders that we know and have not sent yet; the next run joins the two."""
    stage.load(orders)
    read_orders(stage.connection)
    for one in orders:
        here, price = {"Name": one["contact"]["name"]}, one["lines"][0]["unitPrice"]
        goods = [{**SALE, "Quantity": 3, "UnitAmount": price}]
        sale(stage, one, Contact=here, LineItems=goods, InvoiceNumber=number_of(one), Date=one["orderDate"])
    done: Read = read_documents(stage.connection)
    match_documents(stage.connection, done)
    stage.export(orders)


def cent_off(stage: Stage, orders: Any) -> None:
    """Monstock rounds otherwise: its total is a cent above Xero's."""
    stage.load(orders)
    for one in orders:
        headers = {"Authorization": "Bearer sandbox-key"}
        url = f"{stage.sandbox.monstock_url}/customer-orders/{one['id']}"
        totals = httpx.get(url, headers=headers, verify=False).raise_for_status().json()["totals"]
        off = {name: str(Decimal(totals[name]) + Decimal("0.01")) for name in ("tax", "gross")}
        changed(totals=totals | off)(stage, one)
    stage.export(orders)
