"""The control API under /sandbox: what tests and demos steer the stand-ins with."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from deployments.sandbox.codec import NotJsonError
from deployments.sandbox.faults import KINDS
from deployments.sandbox.system import System
from deployments.sandbox.web import Answer, Request

GUIDE = """\
{name} sandbox: the control API. All bodies are JSON.

GET    /sandbox            this text
GET    /sandbox/state      calls, refusals, documents, the clock
POST   /sandbox/reset      forget everything, start as on the first day
DELETE /sandbox/calls      zero the counters and the limits' windows
GET    /sandbox/settings   limits, latency, switches
PUT    /sandbox/settings   change some of them
POST   /sandbox/clock      {{"advance_seconds": 60}}, or {{"set": "2026-11-01T00:00:00Z"}}: it stands still,
                           until {{"run": true}}; {{"real": true}}: back to real time
GET    /sandbox/faults     the faults that are set, with their counts
POST   /sandbox/faults     {{"kind": ..., "method": "PUT", "path": "/Invoices$", "every": 100}}
DELETE /sandbox/faults     take all faults away
GET    /sandbox/webhook    who is told of changes, how it stands, what was delivered
PUT    /sandbox/webhook    {{"url": ..., "key": ...}}, and trouble as below, if any. The key: the webhook signing
                           key that Xero shows, or Monstock's secret, whsec_...
DELETE /sandbox/webhook    tell nobody
POST   /sandbox/edits      {{"action": ...}}: what a person does by hand, below

A fault looks at calls by `method` (regular expression, whole) and `path` (regular expression, anywhere) and
breaks `every` n-th of them, the `next` n, or those `at` given numbers. Kinds:
{kinds}

Trouble of a webhook's events: the shares "drop" and "repeat" (0 to 1), "shuffle": true, "delay_ms"; what is
shuffled or repeated comes up to "window_ms" (500) later; all the same each time for one "seed".
"""


def guide(system: System) -> str:
    """The text of GET /sandbox."""
    kinds = "\n".join(f"  {kind:14} {text}" for kind, text in KINDS.items())
    return GUIDE.format(name=system.name, kinds=kinds) + "\n" + system.guide


def answer(system: System, request: Request) -> Answer:
    """Do what a control request asks."""
    path = request.path.removeprefix("/sandbox").rstrip("/")
    if request.method == "GET" and not path:
        return Answer.text(guide(system))
    action = _ACTIONS.get(f"{request.method} {path}")
    if action is None:
        return Answer.json({"error": f"no such control: {request.method} {request.path}"}, 404)
    try:
        body = request.json() if request.body else {}
        with system.store.transaction():
            return Answer.json(action(system, body))
    except (ValueError, KeyError, TypeError, LookupError, NotJsonError) as error:
        return Answer.json({"error": f"{type(error).__name__}: {error}"}, 400)


def _done(work: Callable[[System], None]) -> Callable[[System, Any], Any]:
    def action(system: System, body: Any) -> Any:
        work(system)
        return {"done": True}

    return action


def _set(system: System, body: Any) -> Any:
    system.settings.update(body)
    return asdict(system.settings)


def _clock(system: System, body: Any) -> Any:
    if "set" in body:
        system.clock.set(datetime.fromisoformat(body["set"]))
    if body.get("real"):
        system.clock.real()
    if body.get("run"):
        system.clock.run()
    system.clock.advance(float(body.get("advance_seconds", 0)))
    return {"clock": system.clock.now().isoformat()}


def _zero(system: System) -> None:
    system.traffic.clear()
    system.meter.clear()


def _load(system: System, body: Any) -> Any:
    if not hasattr(system, "load"):
        raise LookupError("orders are Monstock's")
    return system.load(body)


_ACTIONS: dict[str, Callable[[System, Any], Any]] = {
    "GET /state": lambda system, _: system.state(),
    "DELETE /calls": _done(_zero),
    "GET /settings": lambda system, _: asdict(system.settings),
    "PUT /settings": _set,
    "POST /clock": _clock,
    "GET /faults": lambda system, _: system.faults.list(),
    "POST /faults": lambda system, body: system.faults.add(body),
    "DELETE /faults": _done(lambda system: system.faults.clear()),
    "GET /webhook": lambda system, _: system.webhook.show(),
    "PUT /webhook": lambda system, body: system.webhook.subscribe(body),
    "DELETE /webhook": _done(lambda system: system.webhook.end()),
    "POST /edits": lambda system, body: system.edit(body),
    "POST /orders": _load,
    "POST /reset": _done(lambda system: system.reset()),
}
