"""Has the Prefect server send a message when the books differ, or when somebody must give consent again."""

from typing import Annotated
from uuid import UUID

import typer
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound

from flows.alerts import DIFFERENCES, INCOMPLETE
from flows.endings import NEEDS_CONSENT

RECONCILIATION, CONSENT = "monstock-xero: books differ", "monstock-xero: consent needed"
# What Prefect brings along and people have; any block that can notify will do.
KINDS = "slack-webhook, ms-teams-webhook, sendgrid-email, custom-webhook"

_REPORT = "{% if event.payload.report %}\n\n{{ event.payload.report }}{% endif %}"

Name = Annotated[str, typer.Option("--block", metavar="KIND/NAME", help=f"Who is told: {KINDS}, ...")]


def main(block: Name) -> None:
    """Make the automations on the Prefect server, or bring them up to date. Running it again changes nothing.

    First make the block that sends the messages: in the Prefect UI under Blocks, as Slack Webhook, Microsoft Teams
    Webhook, Sendgrid Email, or Custom Webhook for anything else. Then name it here. An automation that somebody has
    paused stays paused.
    """
    with get_client(sync_client=True) as client:
        document = _notifier(client, block)
        for automation in automations(document):
            typer.echo(f"{automation.name}: {ensure(client, automation)}")


def automations(block_document: UUID) -> list[AutomationCore]:
    """Those that this product wants, each sending its message by a notification block."""
    return [
        AutomationCore(
            name=RECONCILIATION,
            description="A reconciliation found what differs, or could not read everything.",
            trigger=_when(DIFFERENCES, INCOMPLETE),
            actions=[
                SendNotification(
                    block_document_id=block_document,
                    subject="Monstock and Xero: {{ event.resource.name }}",
                    body="{{ event.payload.sentence }}" + _REPORT,
                )
            ],
        ),
        AutomationCore(
            name=CONSENT,
            description="Xero lets a connection in no more until a person gives consent again.",
            trigger=_when(NEEDS_CONSENT),
            actions=[
                SendNotification(
                    block_document_id=block_document,
                    subject="Monstock and Xero: {{ event.resource.name }} needs consent",
                    body="{{ event.payload.message }}",
                )
            ],
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


def _when(*events: str) -> EventTrigger:
    """At each such event, for each connection by itself."""
    return EventTrigger(
        expect=set(events),
        match={"prefect.resource.id": "monstock-xero.connection.*"},
        for_each={"prefect.resource.id"},
        posture=Posture.Reactive,
        threshold=1,
    )


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
