"""Two stacks on one machine do not get into each other's way."""

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deployments import stack
from deployments.stack import Stack
from tests.deployments.conftest import NewStack


def test_two_stacks_that_start_at_once_have_ports_of_their_own_and_one_that_is_taken_meanwhile_is_replaced(
    new_stack: NewStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free, taken = stack._free, socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    chosen = [taken.getsockname()[1]]
    monkeypatch.setattr(stack, "_free", lambda port: chosen.pop() if chosen else free(port))
    two = [new_stack(tmp_path / name) for name in ("one", "two")]
    try:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda one: one.start(lambda _: None), two))
        ports = [set(one.ports.values()) for one in two]
        assert not ports[0] & ports[1]
        assert not chosen
        assert taken.getsockname()[1] not in ports[0] | ports[1]
        assert all(process.poll() is None for one in two for process in one._processes.values())
    finally:
        for one in two:
            one.stop()
        taken.close()


def test_a_stack_that_cannot_start_says_where_its_log_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sandbox").write_text("a file where a folder should be")
    with pytest.raises(stack.StackError, match=r"The sandbox ended at its start; see .*sandbox\.log"):
        Stack(tmp_path).start(lambda _: None)
