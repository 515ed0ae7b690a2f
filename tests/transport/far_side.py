"""A far side that answers from a script, and keeps what it was sent."""

from collections.abc import Callable

import httpx

from tasks.transport.http import Http, Patience

FAST = Patience(attempts=4, timeout=5.0, first_pause=0.001, longest_pause=0.002)
OK = httpx.Response(200, json={"done": True})

Turn = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class FarSide:
    """Takes its turns in order; the last one lasts."""

    def __init__(self, *turns: Turn) -> None:
        self._turns = list(turns)
        self.seen: list[httpx.Request] = []
        self.sent: list[tuple[str, str, bytes, dict[str, str]]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        self.sent.append((request.method, str(request.url), request.read(), dict(request.headers)))
        turn = self._turns.pop(0) if len(self._turns) > 1 else self._turns[0]
        if isinstance(turn, Exception):
            raise turn
        return turn(request) if callable(turn) else turn

    def http(self, patience: Patience = FAST, **more: object) -> Http:
        """A client that reaches nothing but this."""
        transport = httpx.MockTransport(self)
        return Http("http://far.example/api/v1", patience=patience, transport=transport, **more)  # type: ignore[arg-type]
