"""Has the Prefect server end runs whose process is gone, and tell people when the books differ, a run failed, no night
came, or consent is needed."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

import typer
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound

from deployments import HEARTBEAT
from deployments.definitions import DEFINITIONS
from flows.alerts import NEWS
from flows.backfill_chunk import backfill_chunk
from flows.endings import NEEDS_CONSENT

# Other flows on the server are no business of ours: they may say less often that they live.
FLOWS = [definition.flow.name for definition in DEFINITIONS]
# A chunk that fails is told of by its backfill.
_TOLD = [name for name in FLOWS if name != backfill_chunk.name]

GONE, STUCK = "monstock-xero: process gone", "monstock-xero: never began"
RECONCILIATION, CONSENT = "monstock-xero: books differ", "monstock-xero: consent needed"
FAILED, NO_NIGHT = "monstock-xero: run failed", "monstock-xero: no night"
# What fails again and again, every ten minutes perhaps, is told so often.
ANEW = timedelta(hours=12)
# A night comes each day, and takes its time; where clocks change, an hour more.
NIGHT_WITHIN = timedelta(hours=26)
SILENCE, START, LEAST = 3 * HEARTBEAT, 600, 10  # seconds; Prefect waits for nothing shorter than the last
# What Prefect brings along and people have; any block that can notify will do.
KINDS = "slack-webhook, ms-teams-webhook, sendgrid-email, custom-webhook"

_STATE = """\
{% set state = event.payload.validated_state %}{{ state.name }}: {{ state.message }}\
{% if flow_run|ui_url %}

{{ flow_run|ui_url }}{% endif %}"""
_REPORT = "{% if event.payload.report %}\n\n{{ event.payload.report }}{% endif %}"

_OF_CONNECTIONS = {"prefect.resource.id": "monstock-xero.connection.*"}

Name = Annotated[str | None, typer.Option("--block", metavar="KIND/NAME", help=f"Who is told: {KINDS}, ...")]
Silence = Annotated[int, typer.Option(min=LEAST, help="A run without a heartbeat for so long is ended.")]
Start = Annotated[
    int, typer.Option(min=LEAST, help="A run that a worker took and did not begin within it, too.")
]


def main(block: Name = None, silence_seconds: Silence = SILENCE, start_seconds: Start = START) -> None:
    """Make the automations on the Prefect server, or bring them up to date. Running it again changes nothing.

    Those that end dead runs are always made. Those that tell people need a block that sends the messages: make it in
    the Prefect UI under Blocks, as Slack Webhook, Microsoft Teams Webhook, Sendgrid Email, or Custom Webhook for
    anything else, then name it here. An automation that somebody has paused stays paused.
    """
    with get_client(sync_client=True) as client:
        wanted = endings(silence_seconds, start_seconds)
        wanted += alerts(_notifier(client, block)) if block else []
        for automation in wanted:
            typer.echo(f"{automation.name}: {ensure(client, automation)}")


def watch() -> None:
    """Make those that end dead runs where there are none yet."""
    with get_client(sync_client=True) as client:
        for automation in endings():
            if not client.read_automations_by_name(automation.name):
                client.create_automation(automation)


def endings(silence: int = SILENCE, start: int = START) -> list[AutomationCore]:
    """Those that end a run as Crashed when its process died and cannot say so; else it would be Running for ever."""
    return [
        AutomationCore(
            name=GONE,
            description="A run's process has fallen silent: it was killed, or its machine is gone.",
            trigger=_falls_silent("heartbeat", silence),
            actions=[
                _crashed(
                    f"No heartbeat for {silence} seconds: its process is gone. The next run goes on from there."
                )
            ],
        ),
        AutomationCore(
            name=STUCK,
            description="A worker took a run and died before it began.",
            trigger=_falls_silent("Pending", start),
            actions=[
                _crashed(f"Taken by a worker, and not begun within {start} seconds: the worker is gone.")
            ],
        ),
    ]


def alerts(block_document: UUID, night_within: timedelta = NIGHT_WITHIN) -> list[AutomationCore]:
    """Those that send a message by a notification block."""

    def tell(subject: str, body: str) -> list[SendNotification]:
        subject = f"Monstock and Xero: {{{{ event.resource.name }}}}{subject}"
        return [SendNotification(block_document_id=block_document, subject=subject, body=body)]

    return [
        AutomationCore(
            name=RECONCILIATION,
            description="A reconciliation found something that differs and was not told before.",
            trigger=_when(NEWS),
            actions=tell("", "{{ event.payload.sentence }}" + _REPORT),
        ),
        AutomationCore(
            name=FAILED,
            description="A run of a deployment failed or crashed; a night that was not read whole is one, too.",
            trigger=_fails(),
            actions=tell("", _STATE),
        ),
        AutomationCore(
            name=NO_NIGHT,
            description="A connection was reconciled before, and was not since for more than a day.",
            trigger=_none_again("monstock-xero.reconciliation.*", night_within),
            actions=tell(
                " was not reconciled",
                f"No reconciliation came to an end for {night_within / timedelta(hours=1):g} hours. Look in the "
                "Prefect UI whether its schedule is on, a worker runs, and how its last runs ended.",
            ),
        ),
        AutomationCore(
            name=CONSENT,
            description="Xero lets a connection in no more until a person gives consent again.",
            trigger=_when(NEEDS_CONSENT, within=ANEW),
            actions=tell(" needs consent", "{{ event.payload.message }}"),
        ),
    ]


def ensure(client: SyncPrefectClient, wanted: AutomationCore) -> str:
    """Create the automation, or update the one of its name; returns which of "created", "updated", "unchanged"."""
    found = client.read_automations_by_name(wanted.name)
    if not found:
        client.create_automation(wanted)
        return "created"
    [known, *_] = sorted(found, key=lambda one: str(one.id))
    wanted = wanted.model_copy(update={"enabled": known.enabled})
    if _content(known) == _content(wanted):
        return "unchanged"
    client.update_automation(known.id, wanted)
    return "updated"


def _when(*events: str, within: timedelta = timedelta(0)) -> EventTrigger:
    """At such an event, for each connection by itself; at the next one only after this time."""
    return EventTrigger(
        expect=set(events),
        match=_OF_CONNECTIONS,
        for_each={"prefect.resource.id"},
        posture=Posture.Reactive,
        threshold=1,
        within=within,
    )


def _none_again(event: str, within: timedelta) -> EventTrigger:
    """When a connection told of this, and not again for so long. Once: then it must tell again first."""
    return EventTrigger(
        after={event},
        expect={event},
        match=_OF_CONNECTIONS,
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=within,
    )


def _fails() -> EventTrigger:
    """When a run ends badly, whatever its state is called; again for the same deployment only after a while.

    What a person starts on the command line is no deployment's run; consent is told of by itself, and a form that was
    filled in wrongly to who did so.
    """
    return EventTrigger(
        expect={"prefect.flow-run.*"},
        match={
            "prefect.resource.id": "prefect.flow-run.*",
            "prefect.state-type": [StateType.FAILED.value, StateType.CRASHED.value],
            "prefect.state-name": _neither("NeedsConsent", "BadParameters"),
        },
        match_related=[
            {"prefect.resource.role": "flow", "prefect.resource.name": _TOLD},
            {"prefect.resource.role": "deployment"},
        ],
        for_each={"related:deployment:prefect.resource.id"},
        posture=Posture.Reactive,
        threshold=1,
        within=ANEW,
    )


def _neither(*names: str) -> str:
    """A pattern that no such name fits. Prefect's filters have NOT without AND, but sets of letters place by place."""
    return "!" + "".join(f"[{''.join(sorted({*letters}))}]" for letters in zip(*names, strict=False)) + "*"


def _falls_silent(after: str, within: int) -> EventTrigger:
    """When a run of ours told of this, and then of nothing at all for so long.

    Anything counts, since the event of a final state bears that state's own name: Parked, CompletedWithWarnings, ...
    """
    return EventTrigger(
        after={f"prefect.flow-run.{after}"},
        expect={"prefect.flow-run.*"},
        match={"prefect.resource.id": "prefect.flow-run.*"},
        match_related={"prefect.resource.role": "flow", "prefect.resource.name": FLOWS},
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=timedelta(seconds=within),
    )


def _crashed(message: str) -> ChangeFlowRunState:
    return ChangeFlowRunState(state=StateType.CRASHED, message=message)


def _content(automation: AutomationCore) -> dict[str, object]:
    """What we say of it, without what the server adds."""
    return {
        "description": automation.description,
        "trigger": automation.trigger.model_dump(mode="json", exclude={"id"}),
        "actions": [action.model_dump(mode="json") for action in automation.actions],
    }


def _notifier(client: SyncPrefectClient, block: str) -> UUID:
    """The id of a block that can notify. Raises `typer.BadParameter` if there is none of that name."""
    kind, slash, name = block.partition("/")
    if not (kind and slash and name):
        raise typer.BadParameter(f"{block}: a block is KIND/NAME, such as slack-webhook/finance")
    try:
        document = client.read_block_document_by_name(name, kind)
    except ObjectNotFound:
        raise typer.BadParameter(
            f"the Prefect server has no block {block}; make it in the Prefect UI under Blocks ({KINDS})"
        ) from None
    if document.block_schema is None or "notify" not in document.block_schema.capabilities:
        raise typer.BadParameter(f"{block} sends no messages; {KINDS} do")
    return document.id


if __name__ == "__main__":
    typer.run(main)
