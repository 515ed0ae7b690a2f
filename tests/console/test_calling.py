"""Somebody is called for events that wait; a call that fails or hangs harms nobody."""

import threading
from collections.abc import Sequence
from contextlib import closing

import pytest

from deployments.console.calling import Calling
from tasks.ledger.told import Followed, Side
from tests.console.served import soon

ORDERS, DOCUMENTS = Followed("sandbox", Side.orders), Followed("sandbox", Side.documents)


def nobody() -> list[Followed]:
    return []


def test_at_the_start_and_again_what_was_left_is_asked_for() -> None:
    calls: list[Sequence[Followed]] = []
    left = iter([[ORDERS], [], [DOCUMENTS]])
    with closing(Calling(calls.append, lambda: next(left, []), 0.01)):
        soon(lambda: len(calls) == 2)
    assert calls == [[ORDERS], [DOCUMENTS]]


def test_a_call_that_fails_is_said_and_the_next_one_is_made(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[Sequence[Followed]] = []

    def call(followed: Sequence[Followed]) -> None:
        calls.append(followed)
        if len(calls) == 1:
            raise ConnectionError("http://user:password@server")

    with closing(Calling(call, nobody, 3600)) as calling:
        calling.tell([ORDERS])
        soon(lambda: calls)
        calling.tell([DOCUMENTS])
        soon(lambda: len(calls) == 2)
    assert caplog.messages == [
        "Nobody could be called to follow events (ConnectionError); it is tried again."
    ]


def test_while_one_call_takes_its_time_others_gather() -> None:
    calls: list[Sequence[Followed]] = []
    entered, may = threading.Event(), threading.Event()

    def call(followed: Sequence[Followed]) -> None:
        calls.append(followed)
        entered.set()
        assert may.wait(20)

    with closing(Calling(call, nobody, 3600)) as calling:
        calling.tell([ORDERS])
        assert entered.wait(20)
        for _ in range(3):
            calling.tell([DOCUMENTS, ORDERS])
        may.set()
    assert calls == [[ORDERS], [DOCUMENTS, ORDERS]]


def test_a_ledger_that_is_away_is_asked_again() -> None:
    calls: list[Sequence[Followed]] = []
    tries: list[int] = []

    def left() -> list[Followed]:
        tries.append(1)
        if len(tries) < 3:
            raise ConnectionError
        return [ORDERS] if len(tries) == 3 else []

    with closing(Calling(calls.append, left, 0.01)):
        assert soon(lambda: calls) == [[ORDERS]]
