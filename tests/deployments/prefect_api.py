"""What tests ask a real Prefect server."""

import time
from http import HTTPStatus
from typing import Any

import httpx

from deployments.definitions import DEFINITIONS
from deployments.stack import Stack

NAMES = {f"{definition.flow.name}/sandbox" for definition in DEFINITIONS}

Found = dict[str, dict[str, Any]]


def asked(stack: Stack, path: str, method: str = "POST", **body: Any) -> Any:
    """An answer of the API; a server on SQLite says 503 while others write, and is asked again."""
    for _ in range(60):
        url = f"{stack.prefect_url}/api/{path}"
        answer = httpx.request(method, url, json=body, timeout=30, trust_env=False)
        if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
            break
        time.sleep(0.5)
    answer.raise_for_status()
    return answer.json() if answer.content else None


def deployed(stack: Stack) -> Found:
    """The deployments, by the names of flow and deployment."""
    found = asked(stack, "deployments/filter")
    flows = {flow["id"]: flow["name"] for flow in asked(stack, "flows/filter")}  # those are there before
    return {f"{flows[one['flow_id']]}/{one['name']}": one for one in found}


def pause(stack: Stack, one: dict[str, Any]) -> None:
    """As the switches beside the schedules in the Prefect UI do."""
    for schedule in one["schedules"]:
        asked(stack, f"deployments/{one['id']}/schedules/{schedule['id']}", "PATCH", active=False)


def registered(stack: Stack, since: Found) -> Found:
    """The deployments, once all of them are newer than `since`."""
    for _ in range(600):
        found = deployed(stack)
        if set(found) == NAMES and all(
            one["updated"] != since.get(name, {}).get("updated") for name, one in found.items()
        ):
            return found
        time.sleep(0.1)
    raise AssertionError("not everything was registered")
