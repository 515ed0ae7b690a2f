"""How a command ends: its exit code, for who runs it by cron or a script."""

import pytest
import typer
from prefect.client.schemas.objects import State
from prefect.states import Completed, Crashed, Failed

from deployments.cli import _end


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (Completed(), 0),
        (Completed(name="NothingToExport"), 0),
        (Completed(name="CompletedWithWarnings"), 0),
        (Completed(name="Parked", message="The day's calls are used up."), 3),
        (Completed(name="OverBudget", message="Let it spread over days."), 3),
        (Completed(name="PartlyRolledBack"), 3),
        (Failed(message="No."), 1),
        (Crashed(message="No heartbeat."), 1),
    ],
    ids=lambda one: one.name if isinstance(one, State) else str(one),
)
def test_the_code_says_whether_all_was_done(state: State, code: int) -> None:
    ended = 0
    try:
        _end(state)
    except typer.Exit as left:
        ended = left.exit_code
    assert ended == code
