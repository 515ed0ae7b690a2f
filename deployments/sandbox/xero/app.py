"""Xero's way in: counting, tokens, limits, faults, keys, and then the handlers."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

from deployments.sandbox import control
from deployments.sandbox.clock import Clock
from deployments.sandbox.codec import Json, NotJsonError, decode, encode
from deployments.sandbox.faults import Drawn
from deployments.sandbox.limits import DAY, MINUTE
from deployments.sandbox.store import Store
from deployments.sandbox.system import Settings, System
from deployments.sandbox.web import JSON, Answer, Request
from deployments.sandbox.xero import dates, people, reference, render, routes, switches
from deployments.sandbox.xero.books import Books
from deployments.sandbox.xero.call import Call
from deployments.sandbox.xero.envelope import xml
from deployments.sandbox.xero.errors import BadRequestError, BarredError, MissingError
from deployments.sandbox.xero.events import Events
from deployments.sandbox.xero.idempotency import Replies
from deployments.sandbox.xero.index import index
from deployments.sandbox.xero.oauth import CLIENT_ID, Identity, OAuthError

API = "/api.xro/2.0/"
HEAVIEST = 3_500_000
_PERSON = Request("POST", "/", {"unitdp": "4"}, {}, b"")


class Xero(System):
    """Two organisations, one app."""

    name = "Xero"
    guide = people.GUIDE

    def __init__(self, path: Path | None, clock: Clock, limits: bool = True) -> None:
        settings = Settings(
            limits,
            minute_limit=60,
            day_limit=5_000,
            in_flight_limit=5,
            app_minute_limit=10_000,
            switches=switches.defaults(),
        )
        super().__init__(Store(path, index), clock, settings)
        self.identity = Identity(self.store, clock, settings.switches)
        self.replies = Replies(self.store, clock)
        self._books: dict[str, Books] = {}

    def sender(self) -> Events:
        """Events of documents."""
        return Events(self.store, lambda: self.address + API)

    def prepare(self) -> bool:
        """Both organisations with their reference data."""
        self._books.clear()
        new = self.store.fact("opened") is None
        if new:
            with self.store.transaction():
                self.store.remember("opened", True)
                for tenant in reference.ORGANISATIONS:
                    reference.plant(self.store, tenant, dates.tick(self.clock.millis()))
        return new

    def documents(self) -> dict[str, int]:
        """Counts by kind of the first organisation; what lies in the second has "elsewhere" before it."""
        counts: dict[str, int] = {}
        for name, count in self.store.counts().items():
            tenant, _, kind = name.rpartition(" ")
            if tenant:
                counts[kind if tenant == reference.TENANT else f"elsewhere {kind}"] = count
        return counts

    def edit(self, body: Json) -> Any:
        """What a person does in Xero."""
        action = people.ACTIONS.get(body.get("action", ""))
        if action is None:
            raise ValueError(f"action must be one of {', '.join(people.ACTIONS)}")
        tenant = body.get("tenant", reference.TENANT)
        person = Request(_PERSON.method, _PERSON.path, dict(_PERSON.query), {}, b"")
        try:
            return render.wire(action(self._call(tenant, "", person), body))
        except MissingError as missing:
            raise ValueError("not found") from missing
        finally:
            self._books.clear()

    def _call(self, tenant: str, client: str, request: Request) -> Call:
        books = self._books.setdefault(tenant, Books(self.store, tenant))
        return Call(self.store, books, tenant, client, self.clock.now(), self.settings.switches, request)

    async def handle(self, request: Request) -> Answer:
        """The way in."""
        if request.path.startswith("/sandbox"):
            return control.answer(self, request)
        if not request.path.startswith(API):
            return await self._identify(request)
        with self.traffic.flight():
            return await self._account(request)

    # -- tokens and connections

    async def _identify(self, request: Request) -> Answer:
        path = request.path.rstrip("/").lower()
        self.traffic.other[f"{request.method} {path}"] += 1
        faults = self.faults.draw(request.method, request.path)
        await asyncio.sleep(faults.seconds("slow"))
        if broken := self._broken(faults):
            return broken
        if "error_before" in faults:
            return _internal()
        answer = self._identity(request, path)
        await asyncio.sleep(faults.seconds("slow_answer"))
        return _internal() if "error_after" in faults else self._spoiled(answer, faults)

    def _identity(self, request: Request, path: str) -> Answer:
        known = {
            "GET /identity/connect/authorize": self.identity.authorize,
            "POST /connect/token": self.identity.token,
            "POST /connect/revocation": self.identity.revoke,
        }
        handler = known.get(f"{request.method} {path}")
        if handler is None and path.startswith("/connections"):
            handler = self.identity.connections
        try:
            with self.store.transaction():
                return handler(request) if handler else MissingError().answer()
        except OAuthError as error:
            self.traffic.refused[f"400 {error}"] += 1
            return error.answer()
        except (BarredError, MissingError) as error:
            return error.answer()

    # -- the accounting API

    async def _account(self, request: Request) -> Answer:
        at = routes.route(request.method, request.path.removeprefix(API))
        self.traffic.calls[at.label] += 1
        if "expire_tokens" in self.faults.draw(request.method, request.path, early=True):
            self.identity.expire_access()
        tenant = ""
        try:
            token = self.identity.bearer(request)
            tenant = self.identity.tenant(token, request)
            at.check(token["scopes"])
            answer = self._limited(tenant) or await self._admitted(request, at, tenant)
        except (BadRequestError, BarredError, MissingError) as error:
            answer = error.answer()
        answer.headers |= {"Xero-Correlation-Id": str(uuid4()), **self._remaining(tenant)}
        return answer

    def _limited(self, tenant: str) -> Answer | None:
        settings, meter = self.settings, self.meter
        windows = [
            ("minute", tenant, MINUTE, settings.minute_limit),
            ("day", tenant, DAY, settings.day_limit),
            ("appminute", CLIENT_ID, MINUTE, settings.app_minute_limit),
        ]
        if settings.limits:
            if settings.in_flight_limit and meter.flying[tenant] >= settings.in_flight_limit:
                return self._too_many("concurrent", None)
            for problem, scope, seconds, limit in reversed(windows):
                if limit and meter.window(scope, seconds).used >= limit:
                    wait = None if problem == "appminute" else meter.wait(scope, seconds)
                    return self._too_many(problem, wait)
        for _, scope, seconds, _ in windows:
            meter.window(scope, seconds).used += 1
        return None

    def _too_many(self, problem: str, seconds: int | None) -> Answer:
        self.traffic.refused[f"429 {problem}"] += 1
        headers = {"X-Rate-Limit-Problem": problem}
        if seconds is not None:
            headers["Retry-After"] = str(seconds)
        return Answer(429, b"", None, headers)

    def _remaining(self, tenant: str) -> dict[str, str]:
        settings = self.settings
        windows = [
            ("X-DayLimit-Remaining", tenant, DAY, settings.day_limit),
            ("X-MinLimit-Remaining", tenant, MINUTE, settings.minute_limit),
            ("X-AppMinLimit-Remaining", CLIENT_ID, MINUTE, settings.app_minute_limit),
        ]
        return {
            name: str(max(limit - self.meter.window(scope, seconds).used, 0))
            for name, scope, seconds, limit in windows
        }

    async def _admitted(self, request: Request, at: routes.Route, tenant: str) -> Answer:
        faults = self.faults.draw(request.method, request.path)
        self.meter.flying[tenant] += 1
        try:
            if broken := self._broken(faults):
                return broken
            answer = await self.replies.once(
                CLIENT_ID, tenant, request, lambda: self._work(request, at, tenant, faults)
            )
            await asyncio.sleep(faults.seconds("slow_answer"))
            return self._spoiled(answer, faults)
        finally:
            self.meter.flying[tenant] -= 1

    async def _work(self, request: Request, at: routes.Route, tenant: str, faults: Drawn) -> Answer:
        await asyncio.sleep(self.settings.latency_ms / 1000 + faults.seconds("slow"))
        if "error_before" in faults:
            return _internal()
        answer = self._answer(request, at, tenant)
        return _internal() if "error_after" in faults else answer

    def _answer(self, request: Request, at: routes.Route, tenant: str) -> Answer:
        if len(request.body) > HEAVIEST:
            return Answer.text("Request Entity Too Large", 413)
        try:
            with self.store.transaction():
                answer = routes.answer(self._call(tenant, CLIENT_ID, request), at)
        except NotJsonError as error:
            answer = BadRequestError.post(f"The body cannot be read: {error}").answer()
        except (BadRequestError, MissingError) as error:
            answer = error.answer()
        if answer.content_type == JSON and "json" not in request.headers.get("accept", ""):
            return Answer.text(xml(decode(answer.body)), answer.status, "text/xml; charset=utf-8")
        return answer

    # -- faults

    def _broken(self, faults: Drawn) -> Answer | None:
        if throttle := faults.get("throttle"):
            return self._too_many(throttle.problem, throttle.retry_after)
        if "offline" in faults:
            self.traffic.refused["503"] += 1
            return Answer.text("The Organisation is offline", 503)
        return None

    def _spoiled(self, answer: Answer, faults: Drawn) -> Answer:
        if "unknown_enum" in faults and answer.content_type == JSON:
            answer.body = _strange(answer.body)
        answer.fate = faults.fate()
        return answer


def _internal() -> Answer:
    return Answer.text("<html><body>An error occurred</body></html>", 500, "text/html; charset=utf-8")


def _strange(body: bytes) -> bytes:
    """The first document's status becomes one that nobody knows."""
    content = decode(body)
    for documents in content.values() if isinstance(content, dict) else []:
        if isinstance(documents, list) and documents:
            name = "ContactStatus" if "ContactStatus" in documents[0] else "Status"
            documents[0][name] = "UNHEARDOF"
            break
    return encode(content)
