"""Monstock's webhooks: one event to a delivery, signed as the Standard Webhooks specification says."""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable
from uuid import uuid4

from deployments.sandbox.codec import Json, encode
from deployments.sandbox.monstock.people import KINDS
from deployments.sandbox.sending import Event, Parcel, Post
from deployments.sandbox.store import Store

PREFIX = "whsec_"
_STAMPS = {"createdAt": "", "updatedAt": ""}
_TOLD = ("confirmed", "cancelled")


class Events:
    """How Monstock tells of orders."""

    most = 1
    flights = 4
    greets = False

    def __init__(self, store: Store) -> None:
        self._store = store

    def check(self, key: str) -> None:
        """The secret must be `whsec_` and base64."""
        if not key.startswith(PREFIX) or not _secret(key):
            raise ValueError("key must be whsec_ and the secret in base64")

    def notice(self, tenant: str, kind: str, body: Json) -> Event | None:
        """What became of an order, if anything but its stamps changed."""
        if kind not in KINDS:
            return None
        before = self._store.get(tenant, kind, body["id"])
        if before is not None and _bare(before) == _bare(body):
            return None
        content = {
            "type": f"{kind}_order.{_change(before, body)}",
            "timestamp": body["updatedAt"],
            "data": {"id": body["id"]},
        }
        return Event(f"msg_{uuid4().hex}", content)

    def body(self, events: list[Event], number: Callable[[int], int]) -> bytes:
        """The one event, without a number."""
        return encode(events[0].content)

    def headers(self, key: str, parcel: Parcel) -> dict[str, str]:
        """Signed for this try. The stamp is real time, by which a receiver tells old tries from new ones."""
        name, stamp = parcel.events[0].id, str(int(time.time()))
        signed = hmac.digest(_secret(key), f"{name}.{stamp}.".encode() + parcel.body, hashlib.sha256)
        return {
            "content-type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": stamp,
            "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
        }

    async def greet(self, key: str, post: Post) -> str:
        """Monstock tries nobody."""
        return ""


def _secret(key: str) -> bytes:
    try:
        return base64.b64decode(key.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        return b""


def _bare(order: Json) -> Json:
    """The order without the stamps that follow any writing."""
    return {**order, **_STAMPS, "contact": {**order["contact"], **_STAMPS}}


def _change(before: Json | None, order: Json) -> str:
    if before is None:
        return "created"
    status: str = order["status"]
    return status if status != before["status"] and status in _TOLD else "updated"
