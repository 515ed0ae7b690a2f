"""One of several processes that want the same orders: claims them in its own sequence, prints what it got."""

import random
import sys

from tasks.ledger.database import Database
from tests.ledger.given import attempts, claim, store

ORDERS, BATCH = 150, 50


def race(database: Database, seed: int) -> list[str]:
    """Claim all orders, a batch at a time; returns what nobody else had."""
    ids = [str(n) for n in range(ORDERS)]
    random.Random(seed).shuffle(ids)
    got: list[str] = []
    for start in range(0, ORDERS, BATCH):
        attempt = store(attempts(database), *map(claim, ids[start : start + BATCH]))
        got += [c.subject_id for c in attempt.claims] if attempt else []
    return got


if __name__ == "__main__":
    database = Database(sys.argv[1])
    print(flush=True)
    sys.stdin.read()
    print(" ".join(race(database, int(sys.argv[2]))))
    database.close()
