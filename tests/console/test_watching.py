"""Settings and secrets are known as they are now; should they not be readable, what was known holds."""

import logging
import time
from contextlib import closing
from pathlib import Path

import pytest

from deployments.console.watching import Watching
from tasks.domain.errors import SettingsError
from tasks.ledger.database import Database
from tests.console.served import SANDBOX, soon

NONE = SANDBOX.replace("webhook_key", "# webhook_key").replace("webhook_secret", "# webhook_secret")


def test_a_change_of_the_settings_is_noticed(settings_file: Path, ledger: Database) -> None:
    with closing(Watching(ledger, 0.01)) as known:
        assert (len(known.senders.apps), list(known.senders.accounts)) == (1, ["sandbox"])
        settings_file.write_text(NONE)
        soon(lambda: not known.senders.apps and not known.senders.accounts)
        settings_file.write_text(SANDBOX.replace("sandbox.", "shop.").replace("sandbox]", "shop]"))
        soon(lambda: list(known.senders.accounts) == ["shop"])
        soon(lambda: set().union(*known.tenants.values()) == {"shop"})


@pytest.mark.parametrize(
    "text", ["", "[", NONE + "x = 1", SANDBOX.replace("SANDBOX_XERO_WEBHOOK_KEY", "UNSET")]
)
def test_what_is_wrong_is_said_once_and_what_was_known_holds(
    text: str, settings_file: Path, ledger: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), closing(Watching(ledger, 0.01)) as known:
        before = known.senders
        replace(settings_file, text)
        soon(lambda: caplog.messages)
        time.sleep(0.1)
        assert known.senders is before
        replace(settings_file, NONE)
        soon(lambda: known.senders is not before)
    [line] = caplog.messages
    assert line.startswith("What was known of senders holds, for now it cannot be read: ")


def replace(file: Path, text: str) -> None:
    """At once, so that nobody sees half of it."""
    other = file.with_suffix(".new")
    other.write_text(text)
    other.replace(file)


def test_at_the_start_it_is_refused(settings_file: Path, ledger: Database) -> None:
    settings_file.write_text(SANDBOX.replace("SANDBOX_XERO_WEBHOOK_KEY", "UNSET"))
    with pytest.raises(SettingsError, match="webhook_key: environment variable UNSET is not set"):
        Watching(ledger)


def test_that_nobody_can_send_anything_is_said(
    settings_file: Path, ledger: Database, caplog: pytest.LogCaptureFixture
) -> None:
    settings_file.write_text(NONE)
    Watching(ledger).close()
    assert caplog.messages == ["No connection has a webhook_key or webhook_secret: every webhook is refused."]
