"""The one clock of a sandbox: everything that depends on time reads it, so that a test can move it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class Clock:
    """Real time plus what it was advanced by; `set` also freezes it until `run` lets it go again.

    Who waits for a time stands in `listeners`, and is called when the clock is moved.
    """

    def __init__(self) -> None:
        self.offset = timedelta()
        self.frozen: datetime | None = None
        self.listeners: list[Callable[[], None]] = []

    def now(self) -> datetime:
        """The time, UTC, as the sandbox sees it."""
        return (self.frozen or datetime.now(UTC)) + self.offset

    def timestamp(self) -> float:
        """Seconds since 1970."""
        return self.now().timestamp()

    def millis(self) -> int:
        """Whole milliseconds since 1970."""
        return int(self.now().timestamp() * 1000)

    def advance(self, seconds: float) -> None:
        """Move on (or back, with a negative number)."""
        self.offset += timedelta(seconds=seconds)
        self._moved()

    def set(self, at: datetime) -> None:
        """Stand still at `at`; `advance` still moves it."""
        self.frozen, self.offset = at.astimezone(UTC), timedelta()
        self._moved()

    def real(self) -> None:
        """Back to real time."""
        self.offset, self.frozen = timedelta(), None
        self._moved()

    def run(self) -> None:
        """Run on from where it stands."""
        self.offset, self.frozen = self.now() - datetime.now(UTC), None
        self._moved()

    def _moved(self) -> None:
        for listener in self.listeners:
            listener()
