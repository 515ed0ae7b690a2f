"""What a webhook of either system is made of: events, parcels of them, and the sender that knows the system's form."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol


class Event(NamedTuple):
    """A change that is to be told. `id` stays the same however often it is sent; `content` is the system's own."""

    id: str
    content: Any


@dataclass(slots=True)
class Parcel:
    """One body on its way, the same bytes at every try. `since`: its first try, by the sandbox's clock."""

    events: list[Event]
    body: bytes
    since: float = 0.0
    tries: int = 0


class Reply(NamedTuple):
    """What the receiver answered."""

    status: int
    body: bytes
    cookie: bool


#: Sends a body with headers; LostError says why there was no answer.
Post = Callable[[bytes, dict[str, str]], Awaitable[Reply]]


class LostError(Exception):
    """No answer came, or too late."""


class Sender(Protocol):
    """One system's form of webhooks. `most` events to a body, so many `flights` at once; `greets`: it tries first."""

    most: int
    flights: int
    greets: bool

    def check(self, key: str) -> None:
        """ValueError, if the key is none of this system's; it never names the key."""

    def notice(self, tenant: str, kind: str, body: Any) -> Event | None:
        """The event of a document that is about to be stored, if there is any."""

    def body(self, events: list[Event], number: Callable[[int], int]) -> bytes:
        """The body of some events; `number` hands out so many numbers in a row, and says the first."""

    def headers(self, key: str, parcel: Parcel) -> dict[str, str]:
        """The signed headers of one try."""

    async def greet(self, key: str, post: Post) -> str:
        """Find out whether the receiver checks signatures; what is wrong with it, or "" if nothing."""


@dataclass(slots=True)
class Trouble:
    """What befalls events on purpose: shares that are dropped or repeated, and how late they come."""

    drop: float = 0.0
    repeat: float = 0.0
    shuffle: bool = False
    window_ms: int = 500
    delay_ms: int = 0
    seed: int = 0

    def check(self) -> None:
        """Shares may come as Decimal; ValueError, if a value makes no sense."""
        self.drop, self.repeat = float(self.drop), float(self.repeat)
        if not (0 <= self.drop <= 1 and 0 <= self.repeat <= 1):
            raise ValueError("drop and repeat are shares from 0 to 1")
        if self.window_ms < 0 or self.delay_ms < 0:
            raise ValueError("window_ms and delay_ms cannot be negative")


@dataclass(slots=True)
class Subscription:
    """Who is told, and how it stands."""

    url: str
    key: str = field(repr=False)
    status: str
    reason: str = ""
    trouble: Trouble = field(default_factory=Trouble)
