"""The wrapping around every answer of the accounting API, in JSON or, unasked, in XML."""

from typing import Any
from uuid import uuid4
from xml.sax.saxutils import escape

from deployments.sandbox.codec import Json
from deployments.sandbox.xero.call import Call


def envelope(call: Call, content: Json) -> Json:
    """`content` with what stands around it."""
    return {
        "Id": str(uuid4()),
        "Status": "OK",
        "ProviderName": "Sandbox",
        "DateTimeUTC": f"/Date({int(call.now.timestamp() * 1000)})/",
        **content,
    }


def xml(value: Any, name: str = "Response") -> str:
    """The same in XML, near enough for a client to see that it forgot to ask for JSON."""
    if isinstance(value, dict):
        inner = "".join(xml(item, key) for key, item in value.items())
    elif isinstance(value, list):
        inner = "".join(xml(item, name[:-1] if name.endswith("s") else name) for item in value)
    else:
        inner = escape("" if value is None else str(value))
    return f"<{name}>{inner}</{name}>"
