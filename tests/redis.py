"""A real Redis for the tests: the one at TEST_REDIS_URL, which they have to themselves, else one started for them."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from tests.postgres import free_port

STARTS_WITHIN = 30.0


class NoRedis(Exception):
    """There is neither a server nor the means to start one; the text says so."""


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """The address of a server that runs as long as the block, without a database's number. Raises `NoRedis`."""
    given = os.environ.get("TEST_REDIS_URL")
    if given:
        yield given.rstrip("/")
        return
    binary = shutil.which("redis-server")
    if binary is None:
        raise NoRedis("TEST_REDIS_URL is not set, and there is no redis-server")
    port, password = free_port(), "of-the-tests"
    config = f"bind 127.0.0.1\nport {port}\ndir {folder}\nrequirepass {password}\n"
    with (folder / "redis.log").open("w") as log:
        process = subprocess.Popen([binary, "-"], stdin=subprocess.PIPE, stdout=log, stderr=log, text=True)
    try:
        assert process.stdin is not None
        process.stdin.write(config)
        process.stdin.close()
        url = f"redis://default:{password}@127.0.0.1:{port}"
        _await(url)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def _await(url: str) -> None:
    end = time.monotonic() + STARTS_WITHIN
    with redis.from_url(url) as client:
        while not _answers(client):
            if time.monotonic() > end:
                raise NoRedis(f"redis-server did not start within {STARTS_WITHIN:.0f} seconds")
            time.sleep(0.05)


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
