"""What happens a thousand times is a line or two of the log."""

import pytest

from deployments.console import seldom
from deployments.console.seldom import Seldom


def test_it_is_said_at_first_and_then_with_how_often_it_was(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr(seldom.time, "monotonic", lambda: now)
    log = Seldom(every=60)
    for _ in range(3):
        log.say("Something.")
    now += 61
    log.say("Something.")
    log.say("Something else.")
    assert caplog.messages == [
        "Something.",
        "Something. (2 more times since it was last said here.)",
        "Something else.",
    ]


def test_of_very_many_sentences_one_says_that_there_are_more(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr(seldom.time, "monotonic", lambda: now)
    monkeypatch.setattr(seldom, "AT_MOST", 2)
    log = Seldom(every=60)
    for sentence in "abcabcdabcd":
        log.say(sentence)
    assert caplog.messages == ["a", "b", seldom.MORE]
    now += 61
    for sentence in "bcbc":
        log.say(sentence)
    assert caplog.messages[3:] == ["b (2 more times since it was last said here.)", "c"]
