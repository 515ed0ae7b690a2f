"""What an order should show, told two ways: by columns for all orders at once, and as the import tells it of each.

Both read the same ledger: any orders, with any documents of ours and of people's.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import count
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.comparing.showing import described
from tasks.comparing.sides import Sides
from tasks.domain.accounting import AccountingLink
from tasks.domain.books import MISSING, SeenDocument, Unread
from tasks.domain.outcomes import Cause, Finding
from tasks.importing.showing import link_of
from tasks.ledger.columns import Columns, Part
from tasks.ledger.database import Database
from tasks.ledger.mirror import Mirror
from tasks.ledger.schema import links, matches, orders
from tasks.ledger.shown import Shown

NOW = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
DAY = dt.date(2026, 10, 1)
ROLES = {"customer": "sale", "supplier": "purchase"}


@dataclass(frozen=True)
class World:
    """Orders with their nets, documents, and which belongs to which: by our links, and as people made it."""

    nets: dict[tuple[str, str], str | None]
    documents: list[SeenDocument | Unread]
    links: list[dict[str, Any]]
    matches: list[dict[str, Any]]


CENTS = st.integers(0, 40) | st.integers(0, 10**7)
PAID = st.one_of(st.just(0), st.integers(1, 40), CENTS)
NETS = st.one_of(
    st.sampled_from([None, "0", "0.00"]),
    st.integers(1, 60).map(lambda cents: f"{cents / 100:.2f}"),
    st.integers(-(10**6), 10**6).map(lambda cents: f"{cents / 100:.2f}"),
)
DATES = st.none() | st.integers(0, 60).map(lambda days: DAY + dt.timedelta(days=days))
STATUSES = ["DRAFT", "SUBMITTED", "AUTHORISED", "PAID", "BILLED", "VOIDED", "DELETED", MISSING]
TYPES = ["ACCREC", "ACCPAY", "PURCHASEORDER", "ACCRECCREDIT", "ACCPAYCREDIT"]


def money(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)


@st.composite
def documents(draw: st.DrawFn, id_: str) -> SeenDocument | Unread:
    type_ = draw(st.sampled_from(TYPES))
    if draw(st.integers(0, 9)) == 0:
        return Unread(id_, type_, None, None, "AUTHORISED", "", b"{}", Finding(Cause.unreadable, "odd"))
    return SeenDocument(
        id=id_,
        type=type_,
        number=draw(st.sampled_from([None, f"N-{id_}", ""])),
        reference=None,
        mark=None,
        contact_id="c",
        contact_name="Acme",
        currency=draw(st.sampled_from(["GBP", "GBP", "GBP", "EUR"])),
        total=money(draw(CENTS)),
        paid=money(draw(PAID)),
        credited=money(draw(PAID)),
        due=money(draw(CENTS)),
        date=draw(DATES),
        due_date=draw(DATES),
        paid_on=draw(DATES),
        status=draw(st.sampled_from(["AUTHORISED", "PAID", *STATUSES])),
        modified="2026-10-05T12:00:00.000+00:00",
    )


def _seen(id_: str, type_: str = "ACCPAY", **changes: Any) -> SeenDocument:
    return SeenDocument(
        id=id_, type=type_, number=id_, reference=None, mark=None, contact_id="c", contact_name="Acme",
        currency="GBP", total=Decimal("10.00"), date=DAY, status="AUTHORISED", **changes,
    )  # fmt: skip


def _linked(order_id: str, document_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "supplier", "order_id": order_id, "role": "purchase", "generation": 1,
        "document_id": document_id, "document_type": "PURCHASEORDER", "origin": "made", "status": "AUTHORISED",
        "revision": "r1", "updated_at": NOW, "run_id": "run", **changes,
    }  # fmt: skip


def _matched(order_id: str, document_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "supplier", "order_id": order_id, "document_id": document_id, "state": "linked",
        "reason": "because", "since": NOW, **changes,
    }  # fmt: skip


def shared(paid: str, *nets: str | None, euros: int = 0, type_: str = "ACCPAY") -> World:
    """A document beside the purchase orders of several orders, the last `euros` of them in another currency."""
    ids = [str(number) for number, _ in enumerate(nets, 1)]
    amounts = {"due": Decimal(paid)} if type_.endswith("CREDIT") else {"paid": Decimal(paid)}
    own = [
        replace(_seen(f"own-{id_}", "PURCHASEORDER"), currency="GBP" if at < len(nets) - euros else "EUR")
        for at, id_ in enumerate(ids)
    ]
    return World(
        nets={("supplier", id_): net for id_, net in zip(ids, nets, strict=True)},
        documents=[*own, _seen("bill", type_, **amounts)],
        links=[_linked(id_, f"own-{id_}") for id_ in ids],
        matches=[_matched(id_, "bill") for id_ in ids],
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    kinds = st.sampled_from(["customer", "supplier"])
    keys = draw(st.lists(st.tuples(kinds, st.sampled_from("12345678")), min_size=1, max_size=12, unique=True))
    ids = [f"d{number}" for number in range(draw(st.integers(1, 16)))]
    order, document = st.sampled_from(keys), st.sampled_from([*ids, "unknown"])
    made = draw(
        st.lists(
            st.tuples(
                order,
                document,
                st.sampled_from(["primary", "primary", "return-1", "return-2"]),
                st.integers(1, 2),
                st.sampled_from(["made", "adopted", "linked"]),
                st.integers(0, 5),
            ),
            max_size=14,
            unique_by=(lambda link: (link[0], link[2], link[3]), lambda link: link[:2]),
        )
    )
    said = draw(
        st.lists(
            st.tuples(
                order,
                document,
                st.sampled_from(["linked", "linked", "linked", "proposed", "refused"]),
                st.integers(0, 5),
            ),
            max_size=24,
            unique_by=lambda match: match[:2],
        )
    )
    return World(
        nets={key: draw(NETS) for key in keys},
        documents=[draw(documents(id_)) for id_ in ids],
        links=[
            _linked(
                id_,
                document,
                kind=kind,
                role=ROLES[kind] if role == "primary" else role,
                generation=generation,
                origin=origin,
                updated_at=NOW + dt.timedelta(seconds=seconds),
            )
            for (kind, id_), document, role, generation, origin, seconds in made
        ],
        matches=[
            _matched(id_, document, kind=kind, state=state, since=NOW + dt.timedelta(seconds=seconds))
            for (kind, id_), document, state, seconds in said
        ],
    )


class Ledger:
    """A ledger that takes in one world after the other, each as a connection of its own."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._names = map("world-{}".format, count())

    def take_in(self, world: World) -> str:
        name = next(self._names)
        with self.database.begin() as tx:
            for (kind, id_), net in world.nets.items():
                tx.execute(orders.insert().values(connection=name, **_order(kind, id_, net)))
            for table, rows in ((links, world.links), (matches, world.matches)):
                for row in rows:
                    tx.execute(table.insert().values(connection=name, **row))
        Mirror(self.database, name).take_in(world.documents, "2026-11-01T12:00:00.000+00:00")
        return name


def _order(kind: str, id_: str, net: str | None) -> dict[str, Any]:
    return {
        "kind": kind,
        "order_id": id_,
        "reference": f"O-{id_}",
        "document_date": DAY,
        "net": net,
        "gross": net,
        "revision": "r1",
        "updated_at": "2026-10-01T12:00:00.000000Z",
        "generation": 2,
        "state": "exported",
        "since": NOW,
        "run_id": "run",
    }


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('showing') / 'ledger.db'}")
    yield Ledger(database)
    database.close()


def by_import(database: Database, name: str, world: World) -> dict[tuple[str, str], AccountingLink]:
    """The oracle: what the import would write to Monstock, order by order."""
    shown, told = Shown(database, name), {}
    shown.doubt(sorted(world.nets))
    connection: Any = SimpleNamespace(short_code=None)
    for due in shown.due(None, 1000):
        if link := link_of(connection, due):
            told[due.key] = link
    return told


def facts(link: AccountingLink) -> dict[str, Any]:
    amounts = {
        name: int(getattr(link, name).scaleb(2).to_integral_exact())
        for name in ("total", "paid", "credited", "due")
    }
    return amounts | {
        "type": link.document_type,
        "id": link.document_id,
        "number": link.document_number,
        "currency": link.currency,
        "status": link.status,
        "issued": link.issued_on,
        "due_on": link.due_on,
        "paid_on": link.fully_paid_on,
    }


def by_columns(database: Database, name: str) -> dict[tuple[str, str], dict[str, Any]]:
    orders, documents, belongs = Columns(database, name).read(Part())
    rows = described(Sides(orders, documents, belongs))
    assert rows["o"].is_unique
    keys = orders[["kind", "order_id"]].take(rows["o"].to_numpy()).itertuples(index=False, name=None)
    found = {}
    for key, row in zip(keys, rows.drop(columns=["o", "d"]).to_dict("records"), strict=True):
        for name in ("issued", "due_on", "paid_on"):
            row[name] = None if pd.isna(row[name]) else row[name].date()
        found[key] = row
    return found


def agree(ledger: Ledger, world: World) -> None:
    name = ledger.take_in(world)
    told = by_import(ledger.database, name, world)
    assert by_columns(ledger.database, name) == {key: facts(link) for key, link in told.items()}


@settings(max_examples=20, deadline=None)
@given(world=worlds())
def test_all_orders_at_once_show_what_each_shows(ledger: Ledger, world: World) -> None:
    agree(ledger, world)


@settings(max_examples=20, deadline=None)
@given(paid=PAID, nets=st.lists(NETS, min_size=2, max_size=30), type_=st.sampled_from(TYPES[1:]))
def test_each_order_has_the_same_part_of_a_shared_document(
    ledger: Ledger, paid: int, nets: list[str | None], type_: str
) -> None:
    agree(ledger, shared(f"{paid / 100:.2f}", *nets, type_=type_))


@pytest.mark.parametrize(
    ("world", "parts"),
    [
        pytest.param(shared("1.50", "0.01", "2.99"), [1, 150], id="half a cent, twice"),
        pytest.param(shared("0.30", "11.00", "49.00"), [6, 25], id="half a cent of a share without end"),
        pytest.param(shared("1.50", "0", None), [75, 75], id="nothing was ordered"),
        pytest.param(shared("1.50", "0", "0", euros=1), [75, 0], id="one of two in another currency"),
        pytest.param(shared("0.01", "-1.00", "3.00"), [-1, 2], id="less than nothing was ordered"),
        pytest.param(shared("0.05", "1.00", "2.00", "0.00"), [2, 3, 0], id="thirds"),
    ],
)
def test_a_part_is_rounded_once_away_from_zero(ledger: Ledger, world: World, parts: list[int]) -> None:
    agree(ledger, world)
    found = by_columns(ledger.database, ledger.take_in(world))
    assert [found[key]["paid"] for key in sorted(found)] == parts
