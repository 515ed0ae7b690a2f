"""The HTTP client both systems are reached through: every call retried by the one table, and counted."""

import ssl
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache, partial
from typing import Any, Protocol

import httpx
import msgspec
import stamina

from tasks.domain.budget import Heard
from tasks.domain.errors import NoAnswer
from tasks.transport.clock import FarClock, date_of
from tasks.transport.faults import delay, from_exception, from_response, heard

_parse = msgspec.json.Decoder(float_hook=Decimal)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a call is tried: times, seconds in all, first and longest pause between tries in seconds."""

    attempts: int = 8
    timeout: float = 240.0
    first_pause: float = 0.5
    longest_pause: float = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer: its parsed JSON (numbers with a fraction are Decimal), raw bytes and headers."""

    data: Any
    content: bytes
    headers: httpx.Headers
    status: int

    @property
    def date(self) -> datetime | None:
        """The far side's clock, from its Date header."""
        return date_of(self.headers)


@cache
def trusted() -> ssl.SSLContext:
    """Whom this process trusts. Read once: it takes 40 ms, and each client of its own would read it again."""
    return httpx.create_ssl_context()


class Auth(Protocol):
    """Says who calls."""

    def header(self) -> str:
        """What stands in the Authorization header of a call."""

    def refused(self, header: str) -> bool:
        """The far side answered 401 to this header. True if a second try with another one is worth it."""


class Grant(Protocol):
    """The right to send one request."""

    def leaves(self) -> None:
        """The request is sent now: from here on it counts."""

    def answered(self, heard: Heard) -> None:
        """What the answer says of the far side's limits."""


class Gate(Protocol):
    """Where a call waits for its turn, so that no limit of the far side is passed."""

    def call(self, meanwhile: Callable[[], None] | None = None) -> AbstractContextManager[Grant]:
        """Wait for a turn and keep it for as long as the block runs. Raises `Parked` where none comes today.

        `meanwhile` is called every second or so of the waiting, and may end it by raising.
        """


class Open:
    """A gate and a grant that never hold anybody up."""

    @contextmanager
    def call(self, meanwhile: Callable[[], None] | None = None) -> Iterator[Grant]:
        """Go on."""
        yield self

    def leaves(self) -> None:
        """Nothing."""

    def answered(self, heard: Heard) -> None:
        """Nothing."""


class Http:
    """Calls one system.

    `calls` counts what was sent, by method and first path segment, tries included; `received` the bytes of the
    answers as they came over the wire. `transport` takes the place of the network.
    """

    def __init__(
        self,
        base_url: str,
        *,
        auth: Auth | None = None,
        gate: Gate | None = None,
        clock: FarClock | None = None,
        headers: Mapping[str, str] | None = None,
        patience: Patience | None = None,
        timeout: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.patience = patience or Patience()
        self.request_timeout = timeout
        self.calls: Counter[str] = Counter()
        self.received = 0
        self.clock = clock or FarClock()
        self._auth = auth
        self._gate = gate or Open()
        self._client = httpx.Client(
            base_url=base_url.rstrip("/") + "/",
            headers={"Accept": "application/json", **(headers or {})},
            timeout=httpx.Timeout(timeout, connect=10.0),
            transport=transport,
            verify=trusted(),
        )

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    def far_now(self) -> datetime:
        """Now by the far side's clock, as its last Date header showed it."""
        return self.clock.now()

    def read(
        self, path: str, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """GET, tried again by the table's column for reads."""
        request = self._client.build_request(
            "GET", path, params=dict(params or {}), headers=dict(headers or {})
        )
        for attempt in self._retrying(writing=False):
            with attempt:
                return self._send(request)
        raise AssertionError("unreachable")  # pragma: no cover

    def write(
        self,
        method: str,
        path: str,
        body: bytes,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        before_send: Callable[[], None] | None = None,
        meanwhile: Callable[[], None] | None = None,
    ) -> Answer:
        """Send a body; tried again by the table's column for writes, always the same bytes and headers.

        `before_send` is asked right before every try, `meanwhile` while it waits for its turn; both may stop the
        write by raising.
        """
        request = self._client.build_request(
            method,
            path,
            params=dict(params or {}),
            content=body,
            headers={"Content-Type": "application/json", **(headers or {})},
        )
        for attempt in self._retrying(writing=True):
            with attempt:
                return self._send(request, before_send, meanwhile)
        raise AssertionError("unreachable")  # pragma: no cover

    def _retrying(self, *, writing: bool) -> Any:
        p = self.patience
        return stamina.retry_context(
            on=partial(delay, writing=writing),
            attempts=p.attempts,
            timeout=p.timeout,
            wait_initial=p.first_pause,
            wait_max=p.longest_pause,
            wait_jitter=p.first_pause,
        )

    def _send(
        self,
        request: httpx.Request,
        before_send: Callable[[], None] | None = None,
        meanwhile: Callable[[], None] | None = None,
    ) -> Answer:
        """Send; a 401 costs one more sending where `auth` knows of another way to say who calls."""
        name = f"{request.method} {request.url.path}"
        response = self._try(request, name, before_send, meanwhile)
        said = request.headers.get("Authorization", "")
        if response.status_code == httpx.codes.UNAUTHORIZED and self._auth and self._auth.refused(said):
            response = self._try(request, name, before_send, meanwhile)
        if (fault := from_response(response)) is not None:
            raise fault
        return Answer(_decoded(response, name), response.content, response.headers, response.status_code)

    def _try(
        self,
        request: httpx.Request,
        name: str,
        before_send: Callable[[], None] | None,
        meanwhile: Callable[[], None] | None,
    ) -> httpx.Response:
        with self._gate.call(meanwhile) as grant:
            if self._auth is not None:
                request.headers["Authorization"] = self._auth.header()
            if before_send is not None:
                before_send()
            grant.leaves()
            self.calls[f"{request.method} {self._segment(request)}"] += 1
            try:
                response = self._client.send(request)
            except httpx.RequestError as error:
                raise from_exception(error, name) from error
            self.clock.see(response.headers)
            self.received += response.num_bytes_downloaded
            grant.answered(heard(response))
            return response

    def _segment(self, request: httpx.Request) -> str:
        return request.url.path.removeprefix(self._client.base_url.path).split("/")[0]


def _decoded(response: httpx.Response, name: str) -> Any:
    if response.status_code == httpx.codes.NO_CONTENT:
        return None
    try:
        return _parse.decode(response.content)
    except msgspec.DecodeError as error:
        raise NoAnswer(
            f"{name}: the answer is not whole JSON ({error})", status=response.status_code
        ) from error
