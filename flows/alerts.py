"""What a reconciliation tells those who do not look: an event, which automations turn into a message."""

from prefect.events import emit_event

from tasks.reconciling import summing
from tasks.reconciling.amounts import plain
from tasks.reconciling.night import Night
from tasks.reconciling.words import counts, sentence

MATCHED = "monstock-xero.reconciliation.matched"
DIFFERENCES = "monstock-xero.reconciliation.differences"
INCOMPLETE = "monstock-xero.reconciliation.incomplete"


def announce(night: Night, report_address: str) -> None:
    """Emit one event for the night, about its connection: INCOMPLETE if anything was not read, else what it found.

    The payload is the verdict (`sentence`), its `counts`, how many are `new`, the sizes of differences by currency as
    decimals (`money`), and where the `report` is, "" if nowhere.
    """
    counted = counts(night)
    emit_event(
        event=_event(night),
        resource={
            "prefect.resource.id": f"monstock-xero.connection.{night.connection}",
            "prefect.resource.name": night.connection,
        },
        payload={
            "sentence": sentence(night),
            "counts": counted,
            "new": counted["open"],
            "money": {currency: plain(cents) for currency, cents in summing.money(night).items()},
            "report": report_address,
        },
    )


def _event(night: Night) -> str:
    if not night.complete:
        return INCOMPLETE
    return MATCHED if summing.agrees(night) else DIFFERENCES
