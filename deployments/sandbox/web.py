"""HTTP at its plainest: a request in, an answer out, and answers that break on purpose."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

from deployments.sandbox.clock import Clock
from deployments.sandbox.codec import decode, encode

JSON = "application/json"


@dataclass(slots=True)
class Request:
    """A request, read to its end. Header names are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body's value; NotJsonError if it has none."""
        return decode(self.body)

    def form(self) -> dict[str, str]:
        """The body as form fields."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass(slots=True)
class Answer:
    """An answer. `fate`: what becomes of it on the wire: whole, lost, short (JSON cut) or broken."""

    status: int = 200
    body: bytes = b""
    content_type: str | None = JSON
    headers: dict[str, str] = field(default_factory=dict)
    fate: str = "whole"

    @classmethod
    def json(cls, value: Any, status: int = 200, content_type: str = JSON) -> "Answer":
        """`value` as JSON."""
        return cls(status, encode(value), content_type)

    @classmethod
    def text(cls, text: str, status: int = 200, content_type: str = "text/plain; charset=utf-8") -> "Answer":
        """Plain text, or html."""
        return cls(status, text.encode(), content_type)


Handler = Callable[[Request], Awaitable[Answer]]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def asgi(handler: Handler, clock: Clock) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """`handler` as an ASGI application whose Date header is the sandbox's clock."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answer = await handler(await _read(scope, receive))
        answer.headers.setdefault("Date", format_datetime(clock.now(), usegmt=True))
        await _write(answer, send)

    return app


async def _read(scope: Scope, receive: Receive) -> Request:
    chunks, more = [], True
    while more:
        message = await receive()
        chunks.append(message.get("body", b""))
        more = message.get("more_body", False)
    return Request(
        scope["method"],
        scope["path"],
        dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True)),
        {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]},
        b"".join(chunks),
    )


async def _write(answer: Answer, send: Send) -> None:
    if answer.fate == "lost":
        return await _hang_up(send)
    body = answer.body if answer.fate == "whole" else answer.body[: len(answer.body) // 2]
    length = len(answer.body) if answer.fate == "broken" else len(body)
    headers = {"Content-Length": str(length), **answer.headers}
    if answer.content_type:
        headers["Content-Type"] = answer.content_type
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": body, "more_body": answer.fate == "broken"})
    if answer.fate == "broken":
        await asyncio.sleep(0.02)  # let the first half leave
        await _hang_up(send)
    return None


async def _hang_up(send: Send) -> None:
    """Close the socket under uvicorn: ASGI itself knows no way to give no answer."""
    send.__self__.transport.abort()  # type: ignore[attr-defined]
    await asyncio.sleep(0)
