"""Shows what was followed on its orders in Monstock, now."""

from collections import Counter
from collections.abc import Sequence

from tasks.connections.connection import Connection
from tasks.domain.errors import CallError
from tasks.importing.showing import show
from tasks.ledger.shown import Key

# An order that another run shows at the same time is shown once more; after that it is the next poll's.
ROUNDS = 3


def shown_at_once(
    connection: Connection, keys: Sequence[Key], run_id: str
) -> tuple[Counter[str], dict[Key, CallError]]:
    """Those of these orders that are due, counted, and what came instead of those that stay so.

    Raises the last `Transient` where Monstock is away, and `Parked`.
    """
    done: Counter[str] = Counter()
    failed: dict[Key, CallError] = {}
    for _ in range(ROUNDS):
        left = [key for key in keys if key not in failed]
        after, shown = None, 0
        while left:
            written = show(connection, after, run_id, left)
            done += Counter({"orders shown": written.written, "not shown": written.failed})
            failed |= written.errors
            shown += written.written
            after = written.last
            if after is None:
                break
        if not shown:
            break
    return done, failed
