"""One of several processes that append to one trail at the same moment, from its very first row on."""

import sys

from tasks.ledger.database import Database
from tasks.ledger.trail import Entry, Trail

ROWS = 24


def append(database: Database, name: str) -> None:
    """Rows in batches of three, each in a transaction of its own."""
    chain = Trail(database, "shop")
    for start in range(0, ROWS, 3):
        entries = [Entry("written", "customer", f"{name}-{n}") for n in range(start, start + 3)]
        with chain.begin() as tx:
            chain.append(tx, entries, name)


if __name__ == "__main__":
    database = Database(sys.argv[1])
    print(flush=True)
    sys.stdin.read()
    append(database, sys.argv[2])
    database.close()
