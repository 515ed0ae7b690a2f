"""Calls somebody for the connections whose events wait; nobody who brings events waits for it."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import count
from threading import Condition, Thread

from deployments.console.seldom import Seldom
from tasks.domain.errors import LedgerError
from tasks.ledger.told import Followed

Call = Callable[[Sequence[Followed]], None]
# A call that was lost is noticed so soon.
LOOK_SECONDS = 5.0
LEAVE_SECONDS = 5.0
# By then somebody who is there has come.
IN_VAIN = 3
# So many looks are some minutes.
LOOKS = 60


class Calling:
    """A thread that calls. At its start and every few seconds it asks `left` for whom nobody was called.

    It says for whom somebody is called in vain, and has what is old forgotten once in some minutes.
    """

    def __init__(
        self,
        call: Call,
        left: Callable[[], Sequence[Followed]],
        forget: Callable[[], None] = lambda: None,
        every: float = LOOK_SECONDS,
    ) -> None:
        self._call, self._left, self._forget, self._every = call, left, forget, every
        self._looks = count()
        self._vain, self._failed = Seldom(), Seldom(60)
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
                self._do(partial(self._call_for, told))
            if time.monotonic() >= look_at:
                self._do(self._look)
                look_at = time.monotonic() + self._every

    def _look(self) -> None:
        if found := self._left():
            self._call_for(found)
        if next(self._looks) % LOOKS == 0:
            self._forget()

    def _call_for(self, followed: Sequence[Followed]) -> None:
        for name in sorted({one.connection for one in followed if one.in_vain >= IN_VAIN}):
            self._vain.say(f"Events of {name} wait; nobody follows them. Is `monstock-xero follow` running?")
        self._call(followed)

    def _do(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            why = error if isinstance(error, LedgerError) else type(error).__name__
            self._failed.say(f"Nobody could be called to follow events; it is tried again: {why}")
