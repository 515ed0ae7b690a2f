"""What a reconciliation tells those who do not look: an event, which automations turn into a message."""

from prefect.events import emit_event

from tasks.reconciling import summing
from tasks.reconciling.amounts import plain
from tasks.reconciling.night import Night
from tasks.reconciling.words import counts, sentence

MATCHED = "monstock-xero.reconciliation.matched"
DIFFERENCES = "monstock-xero.reconciliation.differences"
INCOMPLETE = "monstock-xero.reconciliation.incomplete"
NEWS = "monstock-xero.reconciliation.news"


def announce(night: Night, report_address: str, sums_told: str = "") -> None:
    """Emit an event for the night, about its connection: INCOMPLETE if anything was not read, else what it found.

    Where something of that was not told before, NEWS comes with it: a discrepancy that is new or came back, or sums
    that differ by what none explains, unless this (`summing.quarrel`) is `sums_told`, what was told of them last. The
    payload of both is the verdict (`sentence`), its `counts`, how many are `new`, the sizes of differences by currency
    as decimals (`money`), and where the `report` is, "" if nowhere.
    """
    counted = counts(night)
    for event in _events(night, counted, sums_told):
        emit_event(
            event=event,
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


def _events(night: Night, counted: dict[str, int], sums_told: str) -> list[str]:
    if not night.complete:
        return [INCOMPLETE]
    if summing.agrees(night):
        return [MATCHED]
    untold = counted["open"] or summing.quarrel(night) not in {"", sums_told}
    return [DIFFERENCES, NEWS] if untold else [DIFFERENCES]
