"""Monstock's API under /v1."""

import asyncio
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from deployments.sandbox import control
from deployments.sandbox.clock import Clock
from deployments.sandbox.codec import Json, NotJsonError, decode, encode
from deployments.sandbox.faults import Drawn
from deployments.sandbox.limits import MINUTE
from deployments.sandbox.monstock import links, listing, people
from deployments.sandbox.monstock.events import Events
from deployments.sandbox.monstock.problems import ProblemError
from deployments.sandbox.monstock.times import micros, stamp
from deployments.sandbox.store import Store
from deployments.sandbox.system import Settings, System
from deployments.sandbox.web import Answer, Request

API_KEY = "sandbox-key"
COLLECTIONS = {"customer-orders": "customer", "supplier-orders": "supplier", "contacts": "contact"}
_PATH = re.compile(rf"/v1/({'|'.join(COLLECTIONS)})(?:/([^/]+)(/accounting)?)?")


def index(kind: str, body: Json) -> Json:
    """The columns of an order or a contact."""
    if kind == "contact":
        return {"id": body["id"], "name": body["name"], "updated": micros(body["updatedAt"])}
    return {
        "id": body["id"],
        "number": body["reference"],
        "status": body["status"],
        "date": body["orderDate"],
        "owner": body["contact"]["id"],
        "updated": micros(body["updatedAt"]),
    }


class Monstock(System):
    """One account with one API key."""

    name = "Monstock"
    guide = people.GUIDE

    def __init__(self, path: Path | None, clock: Clock, limits: bool = True) -> None:
        settings = Settings(limits, minute_limit=300, in_flight_limit=10)
        super().__init__(Store(path, index), clock, settings)

    def sender(self) -> Events:
        """Events of orders."""
        return Events(self.store)

    def prepare(self) -> bool:
        """A new account is empty."""
        new = self.store.fact("opened") is None
        self.store.remember("opened", True)
        return new

    def load(self, orders: list[Json]) -> Json:
        """Orders in bulk."""
        return people.load(self, orders)

    def edit(self, body: Json) -> Any:
        """What a person does in Monstock."""
        action = people.ACTIONS.get(body.get("action", ""))
        if action is None:
            raise ValueError(f"action must be one of {', '.join(people.ACTIONS)}")
        return action(self, body)

    async def handle(self, request: Request) -> Answer:
        """The way in."""
        if request.path.startswith("/sandbox"):
            return control.answer(self, request)
        with self.traffic.flight():
            try:
                return await self._serve(request)
            except ProblemError as problem:
                return problem.answer()

    async def _serve(self, request: Request) -> Answer:
        match = _PATH.fullmatch(request.path)
        self.traffic.calls[_label(request, match)] += 1
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        if key != API_KEY:
            raise ProblemError(401, "The API key is missing or unknown.")
        if refusal := self._limited(key):
            return refusal
        self.meter.flying[key] += 1
        try:
            faults = self.faults.draw(request.method, request.path)
            await asyncio.sleep(self.settings.latency_ms / 1000 + faults.seconds("slow"))
            if broken := self._broken(faults):
                return broken
            answer = self._act(request, match)
            await asyncio.sleep(faults.seconds("slow_answer"))
            return _spoiled(answer, faults)
        finally:
            self.meter.flying[key] -= 1

    def _limited(self, key: str) -> Answer | None:
        settings, window = self.settings, self.meter.window(key, MINUTE)
        if (
            settings.limits
            and settings.in_flight_limit
            and self.meter.flying[key] >= settings.in_flight_limit
        ):
            return self._too_many("concurrent", 1)
        if settings.limits and settings.minute_limit and window.used >= settings.minute_limit:
            return self._too_many("minute", self.meter.wait(key, MINUTE))
        window.used += 1
        return None

    def _too_many(self, problem: str, seconds: int | None) -> Answer:
        self.traffic.refused[f"429 {problem}"] += 1
        answer = ProblemError(429, f"Too many calls ({problem}).").answer()
        if seconds is not None:
            answer.headers["Retry-After"] = str(seconds)
        return answer

    def _broken(self, faults: Drawn) -> Answer | None:
        if throttle := faults.get("throttle"):
            return self._too_many(throttle.problem, throttle.retry_after)
        if "offline" in faults:
            self.traffic.refused["503"] += 1
            return Answer.text("Service unavailable", 503)
        if "error_before" in faults:
            return ProblemError(500, "An error occurred.").answer()
        return None

    def _act(self, request: Request, match: re.Match[str] | None) -> Answer:
        if match is None:
            raise ProblemError(404, f"There is no {request.path}.")
        kind, key, accounting = COLLECTIONS[match[1]], unquote(match[2] or ""), match[3]
        if accounting and kind == "contact":
            raise ProblemError(404, f"There is no {request.path}.")
        if request.method != ("PUT" if accounting else "GET"):
            raise ProblemError(405, f"{request.method} is not allowed here.")
        if not key:
            return Answer.json(listing.page(self.store, kind, request.query, self.clock.timestamp()))
        with self.store.transaction():
            document = self.store.get("", kind, key)
            if document is None:
                raise ProblemError(404, f"There is no {kind} {key}.")
            return Answer.json(self._link(document, request) if accounting else document)

    def _link(self, order: Json, request: Request) -> Json:
        if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
            raise ProblemError(415, "The body must be application/json.")
        try:
            link = links.checked(request.json())
        except NotJsonError as error:
            raise ProblemError(400, f"The body is no JSON: {error}") from error
        if not links.same(order.get("accounting"), link):
            order |= {"accounting": link, "updatedAt": stamp(self.clock.now())}
            self.store.put("", order["kind"], order)
        return order


def _label(request: Request, match: re.Match[str] | None) -> str:
    if match is None:
        return f"{request.method} {request.path}"
    return f"{request.method} /{match[1]}{'/{id}' if match[2] else ''}{match[3] or ''}"


def _spoiled(answer: Answer, faults: Drawn) -> Answer:
    if "error_after" in faults:
        return ProblemError(500, "An error occurred.").answer()
    if "unknown_enum" in faults:
        body = decode(answer.body)
        for document in [*body.get("data", [body])][:1]:
            document["status"] = "on_hold"
        answer.body = encode(body)
    answer.fate = faults.fate()
    return answer
