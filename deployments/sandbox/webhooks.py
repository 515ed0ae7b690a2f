"""A system's webhook: subscribing and ending, what is told to whom, and how it stands."""

import asyncio
import re
from dataclasses import asdict
from typing import Any

from deployments.sandbox.clock import Clock
from deployments.sandbox.codec import Json
from deployments.sandbox.courier import Courier
from deployments.sandbox.post import Line
from deployments.sandbox.sending import Event, Sender, Subscription, Trouble
from deployments.sandbox.store import Store

OK = "OK"
TRYING = "intent to receive under way"
REQUIRED = "intent to receive required"
DISABLED = "disabled"
NONE = "not subscribed"
_ADDRESS = re.compile(r"https?://[\w.\-]+(:\d{1,5})?([/?][!-~]*)?", re.ASCII)
_FACT, _SEQUENCE = "webhook", "webhook sequence"


class Webhook:
    """At most one subscription a system. Without one it costs nothing."""

    def __init__(self, store: Store, clock: Clock, sender: Sender) -> None:
        self._store = store
        self._clock = clock
        self._sender = sender
        self._task: asyncio.Task[None] | None = None
        self._to: Subscription | None = None
        self._courier: Courier | None = None
        clock.listeners.append(self._moved)
        if known := store.fact(_FACT):
            self._to = Subscription(**known | {"trouble": Trouble(**known["trouble"])})
            self._open()

    # -- control

    def subscribe(self, wanted: Json) -> Json:
        """Take a subscription instead of the one there was; ValueError says what is wrong with it."""
        url, key, how = _checked(dict(wanted))
        self._sender.check(key)
        self._end()
        self._store.remember(_SEQUENCE, 0)
        self._to = Subscription(url, key, TRYING if self._sender.greets else OK, trouble=how)
        self._keep()
        self._open()
        self.resume()
        return self.show()

    def end(self) -> None:
        """No subscription any more; what waits is forgotten."""
        self._end()
        self._to = self._courier = None
        self._store.forget(_FACT)

    def show(self) -> Json:
        """Address, status and counts; never the key."""
        to = self._to
        if to is None or self._courier is None:
            return {"url": None, "status": NONE}
        counts = self._courier.state()
        return {"url": to.url, "status": to.status, "reason": to.reason, **counts, **asdict(to.trouble)}

    def reset(self) -> None:
        """After the store was emptied: the subscription stays, its events and counts are gone."""
        if self._to is None:
            return
        self._end()
        self._to.reason = self._to.reason if self._to.status == REQUIRED else ""
        self._keep()
        self._open()
        self.resume()

    def resume(self) -> None:
        """Go to work; needs the server's loop."""
        if self._to is not None and self._to.status in (OK, TRYING):
            self._task = asyncio.get_running_loop().create_task(self._run(self._to))

    # -- what the store tells

    def see(self, tenant: str, kind: str, body: Json) -> Event | None:
        """The event of a document that is about to be stored."""
        return self._sender.notice(tenant, kind, body)

    def tell(self, events: list[Event]) -> None:
        """These changes are carried out."""
        if self._courier is not None:
            self._courier.take(events)

    # -- inside

    def _open(self) -> None:
        assert self._to is not None  # noqa: S101 - whoever calls has set it
        self._courier = Courier(self._to, self._sender, self._clock, self._number, self._give_up)
        self._store.watch = self if self._to.status == OK else None

    def _end(self) -> None:
        self._store.watch = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def _keep(self) -> None:
        if self._to is not None:
            self._store.remember(_FACT, asdict(self._to))

    def _number(self, events: int) -> int:
        last = int(self._store.fact(_SEQUENCE) or 0)
        self._store.remember(_SEQUENCE, last + events)
        return last + 1

    def _moved(self) -> None:
        if self._courier is not None:
            self._courier.wake()

    async def _run(self, to: Subscription) -> None:
        async with Line(to.url) as line:
            if to.status == TRYING:
                to.reason = await self._sender.greet(to.key, line.post)
                to.status = REQUIRED if to.reason else OK
                self._keep()
                if to.reason:
                    return
                self._store.watch = self
            courier = self._courier
            assert courier is not None  # noqa: S101 - it was opened before
            async with asyncio.TaskGroup() as group:
                for _ in range(self._sender.flights):
                    group.create_task(courier.work(line))

    def _give_up(self) -> None:
        self._end()
        if self._to is not None:
            self._to.status = DISABLED
            self._keep()


def _checked(wanted: dict[str, Any]) -> tuple[str, str, Trouble]:
    url, key = wanted.pop("url", None), wanted.pop("key", None)
    if not isinstance(url, str) or not _ADDRESS.fullmatch(url):
        raise ValueError("url must be an address that begins with http:// or https://")
    if not isinstance(key, str) or not key:
        raise ValueError("key must be the key that deliveries are signed with")
    if unknown := set(wanted) - set(Trouble.__dataclass_fields__):
        raise ValueError(f"unknown fields: {', '.join(sorted(unknown))}")
    how = Trouble(**wanted)
    how.check()
    return url, key, how
