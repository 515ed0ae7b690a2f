"""Monstock's orders from the inside: loading them in bulk, and what people do to them."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from deployments.sandbox.codec import Json
from deployments.sandbox.monstock.times import stamp
from deployments.sandbox.monstock.totals import totals
from deployments.sandbox.system import System

KINDS = ("customer", "supplier")


def load(system: System, orders: list[Json]) -> Json:
    """Insert or replace orders as given; what is left out is filled in, nothing is validated."""
    for order in orders:
        save(system, filled(order, stamp(system.clock.now())))
    return {"loaded": len(orders)}


def filled(order: Json, now: str) -> Json:
    """The order with everything that the contract requires."""
    order = {
        "id": str(uuid4()),
        "kind": "customer",
        "status": "confirmed",
        "fulfilmentStatus": "none",
        "currency": "GBP",
        "pricesIncludeTax": False,
        "orderDate": now[:10],
        "accounting": None,
        "createdAt": now,
        "updatedAt": now,
        **order,
    }
    order.setdefault("reference", order["id"])
    order["lines"] = [
        {"id": f"{order['id']}-{number}", "taxRate": "0", **line}
        for number, line in enumerate(order["lines"], 1)
    ]
    contact = order.get("contact") or {"id": "walk-in", "name": "Walk-in customer"}
    order["contact"] = {"updatedAt": order["updatedAt"], **contact}
    order.setdefault("totals", totals(order))
    return order


def save(system: System, order: Json) -> None:
    """Store an order, and its contact if that is new or changed."""
    contact = order["contact"]
    known = system.store.get("", "contact", contact["id"])
    if known is None or {**known, "updatedAt": 0} != {**contact, "updatedAt": 0}:
        system.store.put("", "contact", contact)
    system.store.put("", order["kind"], order)


def order_of(system: System, body: Json) -> Json:
    """The order that an edit names by `id` or `reference`."""
    for kind in KINDS:
        order = system.store.get("", kind, str(body.get("id")))
        if order is None and "reference" in body:
            found = system.store.run(
                "select id from documents where tenant = '' and kind = ? and number = ?",
                (kind, body["reference"]),
            ).fetchone()
            order = system.store.get("", kind, found[0]) if found else None
        if order is not None:
            return order
    raise ValueError(f"no such order: {body}")


def _change(**fields: Any) -> Callable[[System, Json], Json]:
    def change(system: System, body: Json) -> Json:
        return _touch(system, {**order_of(system, body), **fields})

    return change


def _touch(system: System, order: Json) -> Json:
    order["updatedAt"] = stamp(system.clock.now())
    save(system, order)
    return order


def _edit(system: System, body: Json) -> Json:
    fields = body["fields"]
    order = {**order_of(system, body), **fields}
    if "totals" not in fields:
        order["totals"] = totals(order)
    return _touch(system, order)


def _fulfil(system: System, body: Json) -> Json:
    order = order_of(system, body)
    order["fulfilmentStatus"] = body.get("to", "done")
    if order["fulfilmentStatus"] == "done":
        order["lines"] = [{**line, "fulfilledQuantity": line["quantity"]} for line in order["lines"]]
    return _touch(system, order)


def _delete(system: System, body: Json) -> Json:
    gone = {"status": "cancelled", "deletedAt": stamp(system.clock.now())}
    return _touch(system, {**order_of(system, body), **gone})


def _erase(system: System, body: Json) -> Json:
    order = order_of(system, body)
    system.store.delete("", order["kind"], order["id"])
    return order


def _edit_contact(system: System, body: Json) -> Json:
    contact = system.store.get("", "contact", body["id"])
    if contact is None:
        raise ValueError(f"no such contact: {body['id']}")
    contact |= {**body["fields"], "updatedAt": stamp(system.clock.now())}
    system.store.put("", "contact", contact)
    for kind in KINDS:
        rows = system.store.run(
            "select id from documents where tenant = '' and kind = ? and owner = ?", (kind, body["id"])
        )
        for (key,) in rows.fetchall():
            order = system.store.get("", kind, key)
            if order is not None:
                _touch(system, {**order, "contact": contact})
    return contact


ACTIONS: dict[str, Callable[[System, Json], Json]] = {
    "confirm": _change(status="confirmed"),
    "cancel": _change(status="cancelled"),
    "fulfil": _fulfil,
    "delete": _delete,
    "edit": _edit,
    "erase": _erase,
    "edit_contact": _edit_contact,
    "create": lambda system, body: load(system, [body["order"]]),
}

GUIDE = """\
POST   /sandbox/orders     a list of orders, inserted or replaced; totals, ids and stamps follow if left out

Edits; an order is named by "id" or "reference":
  {"action": "confirm"}  {"action": "cancel"}
  {"action": "fulfil", "to": "partial"}                to: none, partial, done (default)
  {"action": "edit", "fields": {...}}                  totals follow, unless given
  {"action": "delete"}                                 stays listed as cancelled, with deletedAt
  {"action": "create", "order": {...}}
  {"action": "edit_contact", "id": ..., "fields": {...}}   its orders change with it
  {"action": "erase"}                                  no person can: listed no more, as after a restored backup
"""
