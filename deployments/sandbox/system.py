"""What both stand-ins have in common: a store, counters, faults, settings, and a way in."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from deployments.sandbox.clock import Clock
from deployments.sandbox.codec import Json
from deployments.sandbox.faults import Faults
from deployments.sandbox.limits import Meter
from deployments.sandbox.sending import Sender
from deployments.sandbox.store import Store
from deployments.sandbox.web import Answer, Request
from deployments.sandbox.webhooks import Webhook


@dataclass(slots=True)
class Settings:
    """What can be set while it runs. A limit of 0 means that there is none."""

    limits: bool = True
    minute_limit: int = 60
    day_limit: int = 0
    in_flight_limit: int = 5
    app_minute_limit: int = 0
    latency_ms: int = 0
    switches: dict[str, Any] = field(default_factory=dict)

    def update(self, wanted: Json) -> None:
        """Change some; ValueError for a name that does not exist."""
        known = set(self.__dataclass_fields__)
        if unknown := set(wanted) - known:
            raise ValueError(f"unknown settings: {', '.join(sorted(unknown))}")
        switches = wanted.get("switches", {})
        if unknown := set(switches) - set(self.switches):
            raise ValueError(f"unknown switches: {', '.join(sorted(unknown))}")
        for name in set(wanted) - {"switches"}:
            setattr(self, name, wanted[name])
        self.switches.update(switches)


class Traffic:
    """Counts of calls: the API's own, others (tokens, connections), refused ones, and the most at once."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Start from zero."""
        self.calls: Counter[str] = Counter()
        self.other: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.in_flight = 0
        self.most = 0

    @contextmanager
    def flight(self) -> Iterator[None]:
        """One call under way."""
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            yield
        finally:
            self.in_flight -= 1


class System:
    """One stand-in: the base of `Xero` and of `Monstock`."""

    name = ""
    guide = ""

    def __init__(self, store: Store, clock: Clock, settings: Settings) -> None:
        self.store = store
        self.clock = clock
        self.settings = settings
        self.traffic = Traffic()
        self.faults = Faults()
        self.meter = Meter(clock)
        self.address = ""
        self.webhook = Webhook(store, clock, self.sender())

    def sender(self) -> Sender:
        """How it tells of changes."""
        raise NotImplementedError

    async def handle(self, request: Request) -> Answer:
        """The way in."""
        raise NotImplementedError

    def prepare(self) -> bool:
        """Fill a new store with what a fresh account has; True if it was new."""
        raise NotImplementedError

    def edit(self, body: Json) -> Any:
        """What a person does in the other program; ValueError says what is wrong with the order."""
        raise NotImplementedError

    def documents(self) -> dict[str, int]:
        """Counts by kind."""
        return self.store.counts()

    def state(self) -> Json:
        """What `GET /sandbox/state` shows."""
        traffic = self.traffic
        return {
            "system": self.name,
            "calls": {"total": traffic.calls.total(), **traffic.calls},
            "other_calls": {"total": traffic.other.total(), **traffic.other},
            "refused": dict(traffic.refused),
            "max_in_flight": traffic.most,
            "documents": self.documents(),
            "clock": self.clock.now().isoformat(),
        }

    def reset(self) -> None:
        """Forget everything and start as on the first day, without demo data. Settings stay, and the webhook."""
        with self.store.transaction():
            self.store.clear()
        self.traffic.clear()
        self.faults.clear()
        self.meter.clear()
        self.prepare()
        self.webhook.reset()
