"""Monstock's webhooks: whether a body is signed as Standard Webhooks says, and which order it tells of."""

import base64
import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated

import msgspec
from standardwebhooks import Webhook, WebhookVerificationError

from tasks.domain.errors import Unreadable
from tasks.domain.orders import Kind
from tasks.ledger.told import Event, Side
from tasks.monstock import wire

_TYPE = re.compile(rf"({'|'.join(Kind)})_order\.(?:created|updated|confirmed|cancelled)")
_SECRET = re.compile(r"whsec_([A-Za-z0-9+/]+)={0,2}")
SECRET_BYTES = range(24, 65)


class _Data(msgspec.Struct):
    id: Annotated[str, msgspec.Meta(pattern=rf"\A[^\x00-\x1f\x7f]{{1,{wire.ID_LIMIT}}}\Z")]


class _Body(msgspec.Struct):
    type: str
    data: _Data
    timestamp: str = ""


_body = msgspec.json.Decoder(_Body)


def verifier(secret: str) -> Webhook:
    """What knows a secret's signatures. Raises `ValueError`, which does not repeat it, where it is none."""
    found = _SECRET.fullmatch(secret)
    with suppress(ValueError):
        key = base64.b64decode(f"{found[1]}==") if found else b""
        if len(key) in SECRET_BYTES:
            return Webhook(key)
    raise ValueError('is no secret of Standard Webhooks: "whsec_", and 24 to 64 bytes in base64.')


def is_signed(webhook: Webhook, body: bytes, headers: Mapping[str, str]) -> bool:
    """Whether one of the signatures is the body's, and it was sent within five minutes of now.

    What is sent again is known by its id.
    """
    try:
        webhook.verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError):
        return False
    return True


def read(body: bytes, id_: str) -> Event | None:
    """The event of a signed body with that webhook-id; None where it tells of nothing that is followed.

    Raises `Unreadable` where it names no order.
    """
    try:
        found = _body.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Unreadable("data", f"Monstock signed what names no order ({error!s:.100}).") from None
    about = _TYPE.fullmatch(found.type)
    if about is None:
        return None
    changed = wire.sortable(wire.moment(found.timestamp))
    return Event(_short(id_), Side.orders, about[1], found.data.id, changed)


def _short(id_: str) -> str:
    return id_ if len(id_) <= 64 else hashlib.sha256(id_.encode()).hexdigest()
