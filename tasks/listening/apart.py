"""Each order or document for itself: one that cannot be carried over is left to the next poll, the others go on."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tasks.domain.errors import CallError, Transient
from tasks.importing.showing import GIVE_UP_AFTER
from tasks.ledger.told import Told

UNAUTHORISED = 401


@dataclass(frozen=True)
class Carried:
    """What was done, counted; and what of that which was told of could not be carried over, with what came instead."""

    done: Counter[str]
    left: dict[Told, CallError] = field(default_factory=dict)


class Apart:
    """What is `left` of a reading, which goes on unless the system itself is away."""

    def __init__(self) -> None:
        self.left: dict[Told, CallError] = {}
        self._silent = 0

    @contextmanager
    def each(self, one: Told) -> Iterator[None]:
        """What is done for one. Raises its `CallError` after so many in a row, or where nobody is let in."""
        try:
            yield
        except CallError as error:
            self._silent = self._silent + 1 if isinstance(error, Transient) else 0
            if self._silent >= GIVE_UP_AFTER or error.status == UNAUTHORISED:
                raise
            self.left[one] = error
        else:
            self._silent = 0
