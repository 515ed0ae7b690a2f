"""Items: what is sold and bought, by code."""

from uuid import uuid4

from deployments.sandbox.codec import Json
from deployments.sandbox.store import Filter
from deployments.sandbox.xero import render
from deployments.sandbox.xero.call import Call
from deployments.sandbox.xero.errors import MissingError, Problems

_PLAIN = [
    "Name",
    "Description",
    "PurchaseDescription",
    "SalesDetails",
    "PurchaseDetails",
    "IsSold",
    "IsPurchased",
]
_LENGTHS = {"Code": 30, "Name": 50, "Description": 4000, "PurchaseDescription": 4000}


def write(call: Call, given: Json) -> Json:
    """PUT or POST of one item; POST updates the one with its id or code."""
    given = {name: value for name, value in given.items() if value is not None}
    code = str(given.get("Code", ""))
    holder = call.store.first(call.tenant, "item", Filter("number = ?", (code,))) if code else None
    old = None
    if key := given.get("ItemID"):
        old = call.store.get(call.tenant, "item", str(key).lower())
        if old is None:
            raise MissingError
    elif not call.creates_only:
        old = holder
    problems = Problems()
    if not code and old is None:
        problems.add("Code must be specified")
    if holder and (old is None or holder["ItemID"] != old["ItemID"]):
        problems.add(f"Item code '{code}' is already in use")
    for name, most in _LENGTHS.items():
        if len(str(given.get(name, ""))) > most:
            problems.add(f"The field {name} exceeds its length of {most} characters.")
    problems.end()
    body = old or {"ItemID": str(uuid4()), "IsSold": True, "IsPurchased": True, "IsTrackedAsInventory": False}
    body |= {name: given[name] for name in _PLAIN if name in given}
    body |= {"Code": code or body["Code"], "UpdatedDateUTC": call.stamp}
    call.store.put(call.tenant, "item", body)
    return body


def show(call: Call, bodies: list[Json]) -> list[Json]:
    """Items as they go out."""
    return [render.wire(body) for body in bodies]
