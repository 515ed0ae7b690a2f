"""Every deployment, once: each flow for each connection. Both `serve` and prefect.yaml are made from this."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

import yaml
from prefect import Flow
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import ConcurrencyLimitStrategy
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule

from deployments import HEARTBEAT, HEARTBEAT_VARIABLE
from flows.backfill import backfill
from flows.backfill_chunk import backfill_chunk
from flows.invoice_import import invoice_import
from flows.order_export import order_export
from flows.reconciliation import reconciliation
from flows.rollback import rollback
from tasks.connections.settings import ConnectionSettings, Settings

PRODUCT = WORK_POOL = "monstock-xero"
# A run that finds its place taken waits. The other strategy cancels it, and after a hard kill every later one.
WAIT = ConcurrencyLimitStrategy.ENQUEUE

Schedule = Callable[[str, ConnectionSettings], DeploymentScheduleCreate]


def every(minutes: int, after: int = 0) -> Schedule:
    """An interval, begun `after` minutes later than others of its length, and at a second of the connection's own."""

    def schedule(name: str, settings: ConnectionSettings) -> DeploymentScheduleCreate:
        own = timedelta(minutes=after, seconds=crc32(name.encode()) % (30 * minutes))
        interval = IntervalSchedule(
            interval=timedelta(minutes=minutes),
            anchor_date=datetime(2026, 1, 1, tzinfo=UTC) + own,
            timezone=settings.timezone,
        )
        return DeploymentScheduleCreate(schedule=interval, slug=f"every-{minutes}-minutes")

    return schedule


def nightly(time: str) -> Schedule:
    """Each night at a time (HH:MM) of the connection's zone; where a clock skips it, an hour sooner."""
    hour, minute = map(int, time.split(":"))

    def schedule(_: str, settings: ConnectionSettings) -> DeploymentScheduleCreate:
        cron = CronSchedule(cron=f"{minute} {hour} * * *", timezone=settings.timezone)
        return DeploymentScheduleCreate(schedule=cron, slug="nightly")

    return schedule


@dataclass(frozen=True)
class Definition:
    """A flow as every connection has it: no more than `at_once` runs of a connection, the others wait."""

    flow: Flow[..., Any]
    description: str
    schedule: Schedule | None = None
    at_once: int = 1
    parameters: Mapping[str, Any] = field(default_factory=dict)


DEFINITIONS = (
    Definition(
        order_export, "Orders confirmed in Monstock become documents in Xero, once each.", every(minutes=10)
    ),
    Definition(
        invoice_import,
        "What became of documents in Xero shows on their orders in Monstock.",
        every(minutes=10, after=5),
    ),
    Definition(
        reconciliation,
        "Both systems side by side, to the cent: what differs, why, and what would end it.",
        nightly("02:30"),
    ),
    Definition(
        backfill,
        "A range of dates, chunk by chunk, as work that steps back for the daily runs; a forecast first.",
    ),
    Definition(rollback, "What one export or backfill run made is deleted or voided again; a dry run first."),
    Definition(backfill_chunk, "One chunk of a backfill, which starts these itself.", at_once=4),
)


@dataclass(frozen=True)
class Deployed:
    """One flow for one connection, whose name is the deployment's."""

    definition: Definition
    connection: str
    settings: ConnectionSettings

    @property
    def tags(self) -> list[str]:
        """By which the Prefect UI finds it: all of ours, and all of this connection."""
        return [PRODUCT, self.connection]

    @property
    def parameters(self) -> dict[str, Any]:
        """What differs from the flow's own defaults."""
        return {"connection": self.connection, **self.definition.parameters}

    @property
    def schedules(self) -> list[DeploymentScheduleCreate]:
        """When it runs by itself. Whether a schedule is active is never said: one that a person paused stays paused."""
        schedule = self.definition.schedule
        return [schedule(self.connection, self.settings)] if schedule else []


def deployments(settings: Settings) -> Iterator[Deployed]:
    """Each flow for each connection."""
    for name, connection in settings.connections.items():
        for definition in DEFINITIONS:
            yield Deployed(definition, name, connection)


def rendered(settings: Settings) -> str:
    """The text of prefect.yaml."""
    file = {"name": PRODUCT, "deployments": [_entry(one) for one in deployments(settings)]}
    return _HEAD + yaml.safe_dump(file, sort_keys=False, width=110, allow_unicode=True)


_HEAD = f"""\
# Deployments for a work pool; `monstock-xero up` needs none of this: it serves the flows itself.
#   prefect work-pool create {WORK_POOL} --type process
#   prefect --no-prompt deploy --all
# Written by `monstock-xero deployments > prefect.yaml` from connections.toml; here, for the sandbox.
# Again and again: nothing is made twice, and a schedule that somebody paused stays paused.
"""


def _entry(one: Deployed) -> dict[str, Any]:
    entry = {
        "name": one.connection,
        "description": one.definition.description,
        "entrypoint": _entrypoint(one.definition.flow),
        "tags": one.tags,
        "parameters": one.parameters,
        "concurrency_limit": {"limit": one.definition.at_once, "collision_strategy": WAIT.value},
        "schedules": [
            {"slug": each.slug, **each.schedule.model_dump(mode="json", exclude_unset=True)}
            for each in one.schedules
        ],
        # A worker that somebody starts by hand need not know how often.
        "work_pool": {"name": WORK_POOL, "job_variables": {"env": {HEARTBEAT_VARIABLE: f"{HEARTBEAT}"}}},
    }
    return {key: value for key, value in entry.items() if value}


def _entrypoint(flow: Flow[..., Any]) -> str:
    """Where Prefect finds a flow: file and function."""
    return f"{flow.fn.__module__.replace('.', '/')}.py:{flow.fn.__name__}"
