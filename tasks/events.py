"""Steps that follow what the two systems tell of: background tasks, started by the receiver as soon as it knows.

They take no parameters: whose events wait is in the ledger, so that the receiver and the process that serves these
tasks share nothing else, and a call that comes twice, or to two processes, is answered once.
"""

from typing import Any, NoReturn

from prefect import task
from prefect.client.schemas.objects import State
from prefect.context import TaskRunContext
from prefect.states import Completed

from tasks.connections.connection import open_connection, shared_ledger
from tasks.domain.budget import Work
from tasks.domain.errors import MonstockXeroError, Parked, Transient
from tasks.ledger.events import Followed, Following, Side, answer
from tasks.ledger.governor import working
from tasks.listening.following import Listeners, follow
from tasks.policies import LIVE, LIVE_PAUSES

LEFT = "left to the next poll"
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
    run_id, tries = _run()
    ledger = shared_ledger()
    followed = answer(ledger, side, run_id)
    if followed is None:
        return Completed(name="NothingToFollow", message="Another run follows it already.")
    following = Following(ledger, followed, run_id)
    try:
        with working(Work.live):
            connection = open_connection(followed.connection)
            connection.admitted()
            done = follow(_listeners.of(connection, side), following, run_id)
    except Parked as parked:
        following.leave(f"{LEFT}: {parked}", all_of_it=True)
        return Completed(
            name="Parked", message=f"{followed.connection}: {parked} Runs after that go on from here."
        )
    except BaseException as error:
        _give_up(following, followed, error, tries)
    said = ", ".join(f"{number} {what}" for what, number in sorted(done.items()))
    return Completed(message=f"{followed.connection}: {said or 'nothing that was not known'}")


def _give_up(following: Following, followed: Followed, error: BaseException, tries: int) -> NoReturn:
    """Once more a little later, where that may help; else the next poll finds what was told of.

    What nobody foresaw may be the fault of one order or document: those that still wait go on without it.
    """
    if isinstance(error, Transient) and tries <= len(LIVE_PAUSES):
        following.call_again(LIVE_PAUSES[tries - 1])
    else:
        following.leave(f"{LEFT}: {error}", all_of_it=isinstance(error, MonstockXeroError))
    raise error


def _run() -> tuple[str, int]:
    """This run's id, and how often it was tried by now."""
    context = TaskRunContext.get()
    return (str(context.task_run.id), context.task_run.run_count) if context else ("local", 1)
