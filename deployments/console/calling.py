"""Calls somebody for the connections whose events wait; nobody who brings events waits for it."""

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from threading import Condition, Thread

from tasks.ledger.told import Followed

log = logging.getLogger(__name__)

Call = Callable[[Sequence[Followed]], None]
# A call that was lost is noticed so soon.
LOOK_SECONDS = 5.0
LEAVE_SECONDS = 5.0


class Calling:
    """A thread that calls. At its start and every few seconds it asks `left` for whom nobody was called."""

    def __init__(
        self, call: Call, left: Callable[[], Sequence[Followed]], every: float = LOOK_SECONDS
    ) -> None:
        self._call, self._left, self._every = call, left, every
        self._changed = Condition()
        self._told: dict[Followed, None] = {}
        self._ended = False
        self._caller = Thread(target=self._work, name="calling", daemon=True)
        self._caller.start()

    def tell(self, followed: Sequence[Followed]) -> None:
        """For these, somebody is to be called."""
        with self._changed:
            self._told.update(dict.fromkeys(followed))
            self._changed.notify()

    def close(self) -> None:
        """Make the calls in hand, then end; what takes longer is found again at the next start."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._caller.join(LEAVE_SECONDS)

    def _work(self) -> None:
        look_at = time.monotonic()
        while True:
            with self._changed:
                until = max(0.0, look_at - time.monotonic())
                self._changed.wait_for(lambda: self._told or self._ended, until)
                told, self._told = list(self._told), {}
                if self._ended and not told:
                    return
            if told:
                self._do(partial(self._call, told))
            if time.monotonic() >= look_at:
                self._do(self._look)
                look_at = time.monotonic() + self._every

    def _look(self) -> None:
        if found := self._left():
            self._call(found)

    @staticmethod
    def _do(work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            log.warning(
                "Nobody could be called to follow events (%s); it is tried again.", type(error).__name__
            )
