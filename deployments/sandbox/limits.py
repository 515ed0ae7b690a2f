"""Call limits: fixed windows and calls in flight."""

import zlib
from collections import Counter
from dataclasses import dataclass

from deployments.sandbox.clock import Clock

DAY = 86_400
MINUTE = 60


@dataclass(slots=True)
class Window:
    """A fixed window of a scope (an organisation, an app, a key). It starts at its own moment."""

    scope: str
    seconds: int
    number: int = -1
    used: int = 0

    def _position(self, now: float) -> float:
        return now + zlib.crc32(self.scope.encode()) % self.seconds

    def roll(self, now: float) -> None:
        """Begin anew where a new window began."""
        number = int(self._position(now) // self.seconds)
        if number != self.number:
            self.number, self.used = number, 0

    def ends_in(self, now: float) -> int:
        """Whole seconds until the next window, at least 1."""
        return self.seconds - int(self._position(now) % self.seconds)


class Meter:
    """Counts what each scope used of its windows, and its calls in flight."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: dict[tuple[str, int], Window] = {}
        self.flying: Counter[str] = Counter()

    def window(self, scope: str, seconds: int) -> Window:
        """The current window of a scope."""
        window = self._windows.setdefault((scope, seconds), Window(scope, seconds))
        window.roll(self._clock.timestamp())
        return window

    def wait(self, scope: str, seconds: int) -> int:
        """Seconds until the scope's window ends."""
        return self.window(scope, seconds).ends_in(self._clock.timestamp())

    def clear(self) -> None:
        """All windows are unused again."""
        self._windows.clear()
