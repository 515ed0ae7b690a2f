"""Somebody is called for events that wait; a call that fails or hangs harms nobody."""

import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace

import pytest

from deployments.console import calling as calling_module
from deployments.console.calling import Calling
from tasks.domain.errors import OtherSchema
from tasks.ledger.told import Followed, Side
from tests.console.served import soon

ORDERS, DOCUMENTS = Followed("sandbox", Side.orders), Followed("sandbox", Side.documents)


def nobody() -> list[Followed]:
    return []


def test_at_the_start_and_again_what_was_left_is_asked_for() -> None:
    calls: list[Sequence[Followed]] = []
    left = iter([[ORDERS], [], [DOCUMENTS]])
    with closing(Calling(calls.append, lambda: next(left, []), every=0.01)):
        soon(lambda: len(calls) == 2)
    assert calls == [[ORDERS], [DOCUMENTS]]


def test_a_call_that_fails_is_said_and_the_next_one_is_made(caplog: pytest.LogCaptureFixture) -> None:
    calls: list[Sequence[Followed]] = []

    def call(followed: Sequence[Followed]) -> None:
        calls.append(followed)
        if len(calls) == 1:
            raise ConnectionError("http://user:password@server")

    with closing(Calling(call, nobody, every=3600)) as calling:
        calling.tell([ORDERS])
        soon(lambda: calls)
        calling.tell([DOCUMENTS])
        soon(lambda: len(calls) == 2)
    assert caplog.messages == ["Nobody could be called to follow events; it is tried again: ConnectionError"]


def test_while_one_call_takes_its_time_others_gather() -> None:
    calls: list[Sequence[Followed]] = []
    entered, may = threading.Event(), threading.Event()

    def call(followed: Sequence[Followed]) -> None:
        calls.append(followed)
        entered.set()
        assert may.wait(20)

    with closing(Calling(call, nobody, every=3600)) as calling:
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

    with closing(Calling(calls.append, left, every=0.01)):
        assert soon(lambda: calls) == [[ORDERS]]


def test_that_nobody_comes_is_said_of_a_connection_from_the_third_call_in_vain(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls: list[Sequence[Followed]] = []
    again = (replace(one, in_vain=at) for at in range(9) for one in (DOCUMENTS, ORDERS))
    with closing(Calling(calls.append, lambda: [one for one in [next(again, None)] if one], every=0.001)):
        soon(lambda: len(calls) == 18)
    assert caplog.messages == [
        "Events of sandbox wait; nobody follows them. Is `monstock-xero follow` running?"
    ]


def test_so_it_is_where_somebody_is_called_for_an_event_that_just_came(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with closing(Calling(lambda _: None, nobody, every=3600)) as calling:
        calling.tell([replace(ORDERS, in_vain=2)])
        calling.tell([replace(DOCUMENTS, in_vain=3)])
    assert len(caplog.messages) == 1


def test_what_is_old_is_forgotten_at_the_start_and_then_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calling_module, "LOOKS", 5)
    done: list[str] = []

    def left() -> list[Followed]:
        done.append("look")
        return []

    with closing(Calling(lambda _: None, left, lambda: done.append("forget"), every=0.001)):
        soon(lambda: done.count("forget") > 2)
    assert done[: done.index("forget", 2) + 1] == ["look", "forget", *["look"] * 5, "forget"]


def test_a_ledger_of_another_version_is_told_with_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    def left() -> list[Followed]:
        raise OtherSchema("A newer version has made it.", older=False)

    with closing(Calling(lambda _: None, left, every=0.001)):
        soon(lambda: caplog.messages)
    assert caplog.messages == [
        "Nobody could be called to follow events; it is tried again: A newer version has made it."
    ]
