"""Eight processes, three hours by Xero's clock, one consent, and every fifth answer to a renewal lost."""

import sys
import time
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE, Popen

from deployments.sandbox.server import Sandbox
from tests.consent import BY_CONSENT, consent
from tests.support import Connect

ROOT = Path(__file__).parents[2]
PROCESSES, HOURS, STEP = 8, 3, 60.0
TOKENS = "POST /connect/token"
PATIENCE = 60.0


def let_hours_pass(sandbox: Sandbox) -> None:
    """Move the clock minute by minute, each time when all have had a turn."""
    for _ in range(int(HOURS * 3600 / STEP)):
        before, until = sandbox.state()["calls"]["total"], time.monotonic() + PATIENCE
        sandbox.advance(STEP)
        while sandbox.state()["calls"]["total"] < before + PROCESSES:
            assert time.monotonic() < until, "nobody calls any more"
            time.sleep(0.002)


def test_many_processes_share_one_consent_for_hours(sandbox: Sandbox, connect: Connect) -> None:
    consent(connect(BY_CONSENT))
    lost = sandbox.fault("lose_answer", path="/connect/token", method="POST", every=5)
    with ExitStack() as stack:
        command = [sys.executable, "-m", "tests.xero.caller"]
        callers = [
            stack.enter_context(Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True))
            for _ in range(PROCESSES)
        ]
        for caller in callers:
            assert caller.stdout
            assert caller.stdout.readline() == "ready\n"
        let_hours_pass(sandbox)
        said = [caller.communicate()[0].split() for caller in callers]
    state = sandbox.state()
    assert [caller.returncode for caller in callers] == [0] * PROCESSES
    assert all(int(answered) > HOURS * 10 for answered, _ in said)
    assert not any("invalid" in reason for reason in state["refused"])
    [fault] = [one for one in sandbox.control("GET", "/faults") if one["id"] == lost["id"]]
    assert fault["done"] >= 1
    # A token lives half an hour and is renewed five minutes before; the first one came with the consent.
    renewals = state["other_calls"][TOKENS] - 1 - fault["done"]
    assert HOURS * 2 <= renewals <= HOURS * 60 / 25 + 1
