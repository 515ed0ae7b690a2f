"""Shows what was followed on its orders in Monstock, now."""

from collections import Counter
from collections.abc import Sequence

from tasks.connections.connection import Connection
from tasks.importing.showing import show
from tasks.ledger.shown import Key

# An order that another run shows at the same time is shown once more; after that it is the next poll's.
ROUNDS = 3


def shown_at_once(connection: Connection, keys: Sequence[Key], run_id: str) -> Counter[str]:
    """Those of these orders that are due, counted. Raises the first `Transient`: Prefect tries again."""
    done: Counter[str] = Counter()
    for _ in range(ROUNDS):
        after, shown = None, 0
        while keys:
            written = show(connection, after, run_id, keys, give_up_after=1)
            done += Counter({"orders shown": written.written, "not shown": written.failed})
            shown += written.written
            after = written.last
            if after is None:
                break
        if not shown:
            break
    return done
