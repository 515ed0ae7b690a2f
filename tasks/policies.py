"""How Prefect treats our tasks: what is tried again, what is remembered, what never is."""

from datetime import timedelta
from typing import Any, TypeVar, cast

from prefect import Task
from prefect.cache_policies import INPUTS, NO_CACHE, CacheKeyFnPolicy
from prefect.client.schemas.objects import State, TaskRun
from prefect.utilities.annotations import quote

import tasks.secrets  # noqa: F401 - every step may need a secret that lies in a block
from tasks.domain.errors import Transient

# The HTTP client has waited and tried by then; this is for a far side that was away for longer.
PAUSES = [10, 60, 300]

T = TypeVar("T")

# How long the reference data of an organisation is remembered.
REFERENCE_LIFE = timedelta(minutes=15)


def whole(value: T) -> T:
    """Hand a value to a task as it is: Prefect would else look into each of its parts, at a second a thousand."""
    return cast("T", quote(value))


def worth_another_try(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Try again what may pass; not what a person has to settle (credentials, settings, a used-up day)."""
    try:
        state.result()
    except Transient:
        return True
    except BaseException:
        return False
    return False


READ: dict[str, Any] = {
    "cache_policy": NO_CACHE,
    "retries": len(PAUSES),
    "retry_delay_seconds": PAUSES,
    "retry_condition_fn": worth_another_try,
}

# A write is never remembered: what makes it happen once is the ledger, not a cache. Its task may run again
# all the same, since an attempt that is under way is seen through, not repeated.
WRITE: dict[str, Any] = {**READ}

# What is live has no minutes: what does not come through soon is left to the next poll.
LIVE_PAUSES = [2, 10]
# Prefect keeps a result of every background task: here each takes the place of the one before, and none is ever used.
LIVE: dict[str, Any] = {
    **READ,
    "retries": len(LIVE_PAUSES),
    "retry_delay_seconds": LIVE_PAUSES,
    "cache_policy": CacheKeyFnPolicy(cache_key_fn=lambda run, _: str(run.task.name)),
    "refresh_cache": True,
}

REFERENCE: dict[str, Any] = {
    **READ,
    "cache_policy": INPUTS,
    "cache_expiration": REFERENCE_LIFE,
    "persist_result": True,
}
