"""Steps that follow what the two systems tell of: background tasks, started by the receiver as soon as it knows.

They take no parameters: whose events wait is in the ledger, so that the receiver and the process that serves these
tasks share nothing else, and a call that comes twice, or to two processes, is answered once.
"""

import logging
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from prefect import task
from prefect.client.schemas.objects import State
from prefect.context import TaskRunContext
from prefect.states import Completed

from tasks.connections.connection import open_connection, shared_ledger
from tasks.domain.budget import Work
from tasks.domain.errors import MonstockXeroError, Parked, Transient
from tasks.ledger.following import Following, answer
from tasks.ledger.governor import working
from tasks.ledger.told import LEFT, Followed, Side
from tasks.listening.following import Listeners, follow
from tasks.policies import LIVE, LIVE_PAUSES

log = logging.getLogger(__name__)

# Polls come about as often: what cannot be followed now is theirs first.
REST = 600.0
_listeners = Listeners()


@task(name="follow-orders", **LIVE)
def follow_orders() -> State[Any]:
    """Bring to Xero what changed in Monstock, as long as it tells of more."""
    return _follow(Side.orders)


@task(name="follow-documents", **LIVE)
def follow_documents() -> State[Any]:
    """Bring to Monstock what changed in Xero, as long as it tells of more."""
    return _follow(Side.documents)


FOLLOWERS = {Side.orders: follow_orders, Side.documents: follow_documents}


def _follow(side: Side) -> State[Any]:
    """Answer every call there is: one may have been made for another connection than the one that is answered."""
    run_id, tries = _run()
    said, parked = [], False
    while followed := answer(shared_ledger(), side, run_id):
        following = Following(shared_ledger(), followed, run_id)
        try:
            done = _listen(followed, following, run_id, again=tries <= len(LIVE_PAUSES))
        except Parked as reason:
            _rest(followed, following, reason)
            said.append(f"{followed.connection}: {reason} Runs after that go on from here.")
            parked = True
        except BaseException as error:
            _give_up(followed, following, error, tries)
        else:
            counted = ", ".join(f"{number} {what}" for what, number in sorted(done.items()))
            said.append(f"{followed.connection}: {counted or 'nothing that was not known'}")
    if not said:
        return Completed(name="NothingToFollow", message="Another run follows it already.")
    return Completed(name="Parked" if parked else None, message="; ".join(said))


def _listen(followed: Followed, following: Following, run_id: str, *, again: bool) -> Counter[str]:
    with working(Work.live), following.kept():
        connection = open_connection(followed.connection)
        connection.admitted()
        return follow(_listeners.of(connection, followed.side), following, run_id, again=again)


def _give_up(followed: Followed, following: Following, error: BaseException, tries: int) -> NoReturn:
    """Once more a little later, where that may help; where a person must do something first, after a rest.

    What nobody foresaw may be the fault of one order or document: it is the next poll's, and the others go on.
    """
    if isinstance(error, Transient) and tries <= len(LIVE_PAUSES):
        following.call_again(LIVE_PAUSES[tries - 1])
    elif isinstance(error, MonstockXeroError):
        _rest(followed, following, error)
    else:
        following.give_up(f"{LEFT}: {type(error).__name__}")
    raise error


def _rest(followed: Followed, following: Following, why: MonstockXeroError) -> None:
    following.rest(REST, str(why))
    until = datetime.now(UTC) + timedelta(seconds=REST)
    log.warning(
        "Nobody follows the %s of %s until %s UTC: %s",
        followed.side,
        followed.connection,
        f"{until:%H:%M}",
        why,
    )


def _run() -> tuple[str, int]:
    """This run's id, and how often it was tried by now."""
    context = TaskRunContext.get()
    return (str(context.task_run.id), context.task_run.run_count) if context else ("local", 1)
