"""Xero's webhooks: thin events, many to a body, signed; and the intent to receive before any is sent."""

import base64
import hashlib
import hmac
import secrets
import string
from collections.abc import Callable

from deployments.sandbox.codec import Json, encode
from deployments.sandbox.sending import Event, LostError, Parcel, Post
from deployments.sandbox.store import Store
from deployments.sandbox.xero import dates

#: Of what kinds there are events; of payments, purchase orders and items there are none.
_CATEGORIES = {
    "invoice": ("INVOICE", "Invoices", "InvoiceID"),
    "credit_note": ("CREDITNOTE", "CreditNotes", "CreditNoteID"),
    "contact": ("CONTACT", "Contacts", "ContactID"),
    "prepayment": ("PREPAYMENT", "Prepayments", "PrepaymentID"),
    "overpayment": ("OVERPAYMENT", "Overpayments", "OverpaymentID"),
}
_HEADER = "x-xero-signature"
_RIGHT, _WRONG, _NONE = "signed rightly", "signed wrongly", "not signed at all"
_GREETINGS = (_RIGHT, _WRONG, _NONE, _RIGHT, _WRONG)


class Events:
    """How Xero tells of documents. `root`: the address of the API."""

    most = 1_000  # 400 KB
    flights = 1
    greets = True

    def __init__(self, store: Store, root: Callable[[], str]) -> None:
        self._store = store
        self._root = root

    def check(self, key: str) -> None:
        """Any text is a key."""

    def notice(self, tenant: str, kind: str, body: Json) -> Event | None:
        """The event bears the very stamp that the document does."""
        if kind not in _CATEGORIES:
            return None
        category, plural, id_field = _CATEGORIES[kind]
        key = body[id_field]
        known = self._store.run(
            "select 1 from documents where tenant = ? and kind = ? and id = ?", (tenant, kind, key)
        ).fetchone()
        content = {
            "resourceUrl": f"{self._root()}{plural}/{key}",
            "resourceId": key,
            "tenantId": tenant,
            "tenantType": "ORGANISATION",
            "eventCategory": category,
            "eventType": "UPDATE" if known else "CREATE",
            "eventDateUtc": dates.event(body["UpdatedDateUTC"]),
        }
        if kind == "credit_note":
            content["data"] = {"Type": body["Type"], "Status": body["Status"]}
        return Event(key, content)

    def body(self, events: list[Event], number: Callable[[int], int]) -> bytes:
        """All of them in one."""
        first = number(len(events))
        return _body([event.content for event in events], first, first + len(events) - 1)

    def headers(self, key: str, parcel: Parcel) -> dict[str, str]:
        """The same at every try: there is no time in it."""
        return _headers(_signature(key, parcel.body))

    async def greet(self, key: str, post: Post) -> str:
        """The intent to receive: 200 to what is signed rightly, 401 to all else, with nothing in the answer."""
        for number, how in enumerate(_GREETINGS, 1):
            body = _body([], 0, 0)
            signature = {_RIGHT: _signature(key, body), _WRONG: _signature(secrets.token_hex(), body)}
            which = f"try {number} of {len(_GREETINGS)}, {how}"
            try:
                reply = await post(body, _headers(signature.get(how)))
            except LostError as lost:
                return f"{which}, came to nothing: {lost}"
            wanted = 200 if how == _RIGHT else 401
            if reply.status != wanted:
                return f"{which}, was answered {reply.status} instead of {wanted}"
            if reply.body or reply.cookie:
                return f"{which}, was answered with a {'body' if reply.body else 'cookie'}"
        return ""


def _body(events: list[Json], first: int, last: int) -> bytes:
    entropy = "".join(secrets.choice(string.ascii_uppercase) for _ in range(20))
    content = {"events": events, "firstEventSequence": first, "lastEventSequence": last, "entropy": entropy}
    return encode(content)


def _signature(key: str, body: bytes) -> str:
    return base64.b64encode(hmac.digest(key.encode(), body, hashlib.sha256)).decode()


def _headers(signature: str | None) -> dict[str, str]:
    headers = {"content-type": "application/json; charset=utf-8"}
    return headers if signature is None else {**headers, _HEADER: signature}
