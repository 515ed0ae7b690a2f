"""An exporter that is killed, whatever it was at, is continued by the next one: nothing twice, nothing missing."""

from pathlib import Path

from prefect.settings import PREFECT_API_URL

from tests.benchmarks import books
from tests.benchmarks.kills import SHORT, kill_and_restart
from tests.benchmarks.stage import staged

KILLS = 4
ORDERS_A_START = 100


def test_killed_at_random_moments_everything_is_there_once(tmp_path: Path) -> None:
    server = PREFECT_API_URL.value()
    assert server is not None
    with staged(tmp_path, server, SHORT) as stage:
        struck, orders = kill_and_restart(stage, KILLS, ORDERS_A_START)
        documents, twice, missing = books.count(stage.sandbox, orders)
    assert struck.total() == KILLS
    assert (documents, twice, missing) == (len(orders), 0, 0)
