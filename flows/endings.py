"""How a run ends that cannot do its work: errors of ours become final states by name, with their sentence.

One that ends otherwise is a function of the connection's name and the error, and a line in ENDINGS.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import signature
from typing import Any, ParamSpec

from prefect import runtime
from prefect.client.schemas.objects import State
from prefect.events import emit_event
from prefect.states import Completed, Failed

from flows.parameters import BadParameters
from tasks.connections.connection import opened
from tasks.connections.settings import load
from tasks.domain.errors import MonstockXeroError, NeedsConsent, OtherSchema, Parked
from tasks.reports import publish_head

NEEDS_CONSENT = "monstock-xero.connection.needs-consent"

P = ParamSpec("P")


def with_named_endings(run: Callable[P, State[Any]]) -> Callable[P, State[Any]]:
    """For a flow's function with a parameter `connection`: errors of ours end it by name, not with a traceback.

    A deployment works for no other connection than its own.

    However it ends, it leaves no renewal of tokens without an answer; by an error, it still publishes the head of
    the audit trail.
    """

    @wraps(run)
    def ended(*args: P.args, **kwargs: P.kwargs) -> State[Any]:
        given = signature(run).bind(*args, **kwargs)
        given.apply_defaults()
        connection = given.arguments["connection"]
        try:
            _at_home(connection)
            with _leaving_order(connection):
                return run(*args, **kwargs)
        except MonstockXeroError as error:
            return ending(type(error))(connection, error)

    return ended


@contextmanager
def _leaving_order(connection: str) -> Iterator[None]:
    """What any run does before it ends, as far as this process has opened its connection."""
    try:
        yield
    except Exception:
        for known in opened(connection)[-1:]:
            publish_head(known)
        raise
    finally:
        for known in opened(connection):
            known.settle()


def _at_home(connection: str) -> None:
    """Raises `BadParameters` in a deployment that bears the name of another connection."""
    here = runtime.deployment.name
    if here not in {None, connection} and here in load().connections:
        raise BadParameters(
            f'This deployment works for the connection "{here}"; start the one that is named "{connection}".'
        )


def _needs_consent(connection: str, error: MonstockXeroError) -> State[Any]:
    """An event, for whoever can go and consent; the run is over."""
    emit_event(
        event=NEEDS_CONSENT,
        resource={
            "prefect.resource.id": f"monstock-xero.connection.{connection}",
            "prefect.resource.name": connection,
        },
        payload={"message": str(error)},
    )
    return Failed(name="NeedsConsent", message=str(error))


def _parked(connection: str, error: MonstockXeroError) -> State[Any]:
    """Nothing is wrong: the next run after the day's end goes on."""
    return Completed(name="Parked", message=f"{error} A run after that goes on from here.")


def _other_schema(_: str, error: MonstockXeroError) -> State[Any]:
    """Whatever runs on this ledger ends so, until a person has upgraded the one or the other."""
    older = isinstance(error, OtherSchema) and error.older
    return Failed(name="LedgerNeedsUpgrade" if older else "LedgerIsNewer", message=str(error))


def _by_name(_: str, error: MonstockXeroError) -> State[Any]:
    """The run could not do its work, or was asked what makes no sense. The message says why."""
    return Failed(name=type(error).__name__, message=str(error))


ENDINGS: dict[type[Exception], Callable[[str, MonstockXeroError], State[Any]]] = {
    NeedsConsent: _needs_consent,
    Parked: _parked,
    OtherSchema: _other_schema,
    MonstockXeroError: _by_name,
}


def ending(error: type[MonstockXeroError]) -> Callable[[str, MonstockXeroError], State[Any]]:
    """How an error ends a run: as the nearest of its kind in ENDINGS does."""
    return next(ENDINGS[kind] for kind in error.__mro__ if kind in ENDINGS)
