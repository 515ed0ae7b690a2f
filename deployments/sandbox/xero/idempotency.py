"""Idempotency keys: for six minutes the same key brings the same answer, a 500 too."""

import asyncio
import hashlib
import zlib
from collections.abc import Awaitable, Callable

from deployments.sandbox.clock import Clock
from deployments.sandbox.codec import decode, encode
from deployments.sandbox.store import Store
from deployments.sandbox.web import Answer, Request
from deployments.sandbox.xero.errors import BadRequestError

SECONDS = 6 * 60
LONGEST = 128


class Replies:
    """Answers by app and key. A request under a key that is still at work waits for it."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._working: dict[tuple[str, str], tuple[str, asyncio.Event]] = {}

    async def once(
        self, client: str, tenant: str, request: Request, work: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """The remembered answer, or that of `work`."""
        key = request.headers.get("idempotency-key")
        if not key or request.method == "GET":
            return await work()
        if len(key) > LONGEST:
            raise BadRequestError(f"The Idempotency-Key exceeds {LONGEST} characters.")
        digest = _digest(tenant, request)
        while working := self._working.get((client, key)):
            _same(working[0], digest)
            await working[1].wait()
        if known := self._known(client, key, digest):
            return known
        done = asyncio.Event()
        self._working[client, key] = digest, done
        try:
            answer = await work()
            self._remember(client, key, digest, answer)
            return answer
        finally:
            del self._working[client, key]
            done.set()

    def _known(self, client: str, key: str, digest: str) -> Answer | None:
        self._store.run("delete from replies where at <= ?", (self._clock.timestamp() - SECONDS,))
        sql = "select request, status, headers, body from replies where client = ? and key = ?"
        row = self._store.run(sql, (client, key)).fetchone()
        if row is None:
            return None
        _same(row[0], digest)
        content_type, headers = decode(row[2])
        return Answer(row[1], zlib.decompress(row[3]), content_type, headers)

    def _remember(self, client: str, key: str, digest: str, answer: Answer) -> None:
        self._store.run(
            "insert or replace into replies values (?, ?, ?, ?, ?, ?, ?)",
            (
                client,
                key,
                digest,
                self._clock.timestamp(),
                answer.status,
                encode([answer.content_type, answer.headers]),
                zlib.compress(answer.body, 1),
            ),
        )


def _same(known: str, digest: str) -> None:
    if known != digest:
        raise BadRequestError("The Idempotency-Key was used with a different request.")


def _digest(tenant: str, request: Request) -> str:
    parts = [tenant, request.method, request.path, sorted(request.query.items())]
    return hashlib.sha256(encode(parts) + request.body).hexdigest()
