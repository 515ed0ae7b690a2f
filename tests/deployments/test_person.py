"""Who did it is kept for ever: a name, or at least a number."""

import getpass
import os

import pytest

from deployments.person import who


def test_a_person_has_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    assert who() == "ada"


@pytest.mark.parametrize("error", [KeyError, OSError])
def test_who_has_no_name_on_a_machine_has_a_number(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def nameless() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nameless)
    monkeypatch.setattr(os, "getuid", lambda: 1234)
    assert who() == "uid 1234"
