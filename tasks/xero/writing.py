"""The write protocol: what is made, is made once.

A request is stored with its claims before it is sent, and its answer recorded element by element. If no
answer comes, the same bytes go again under the same idempotency key while Xero keeps it; later, or after a
500, Xero is read back by our mark. Nothing is ever sent twice under two keys before that reading.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import msgspec

from tasks.domain.errors import CallError, MonstockXeroError, NotFound, Refused, ServerFault
from tasks.domain.money import plain
from tasks.domain.outcomes import Cause, Finding
from tasks.ledger.attempts import Attempt, Attempts, LeaseLost
from tasks.ledger.claims import UPDATE, Claim, Outcome, Settlement
from tasks.transport.http import Answer
from tasks.xero.client import XeroClient, calendar_date
from tasks.xero.endpoints import BY_NAME, CONTACTS, INVOICES, Endpoint
from tasks.xero.walk import changed_since
from tasks.xero.wire import body, decimal, messages

log = logging.getLogger(__name__)

# Xero keeps a key for 6 minutes; ours is given up a minute earlier.
KEY_LIFE = timedelta(minutes=5)
# No request runs longer than this at Xero; a reading before that could miss what it makes.
LONGEST_REQUEST = timedelta(minutes=2)
# How far a reading back reaches before the first sending, for clocks that differ.
CLOCK_MARGIN = timedelta(minutes=2)

NO_ID = "00000000-0000-0000-0000-000000000000"
_NUMBER_TAKEN = (
    "must be unique",
    "already assigned",
    "number is already",
    "already exists",
    "already been used",
    "deleted purchaseorders",
)
# A gateway gave up waiting; what stands behind it may still be at work.
_GATEWAY = {502, 504}
_GONE = {"VOIDED", "DELETED", "ARCHIVED"}
_parse = msgspec.json.Decoder()


class KeyExpired(MonstockXeroError):
    """The idempotency key is too old to be sent again."""


@dataclass(frozen=True, slots=True)
class Item:
    """One element of a write, and the claim that it settles."""

    claim: Claim
    element: Mapping[str, Any]


class Writer:
    """Writes to one organisation, for one run."""

    def __init__(
        self,
        client: XeroClient,
        attempts: Attempts,
        run_id: str,
        *,
        longest_request: timedelta = LONGEST_REQUEST,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._attempts = attempts
        self._run_id = run_id
        self._longest = longest_request
        self._sleep = sleep

    def write(self, endpoint: Endpoint, items: Sequence[Item]) -> list[Settlement]:
        """Carry items (at most 50, of one operation) to their end; those claimed elsewhere are left out.

        Raises `Transient` where no answer could be had: the attempt then stays open for `finish`.
        """
        method = "POST" if items[0].claim.operation == UPDATE else "PUT"
        attempt = self._attempts.store(
            method,
            endpoint.name,
            [item.claim for item in items],
            lambda free: body(endpoint.name, [items[i].element for i in free]),
            self._run_id,
        )
        if attempt is None:
            return []
        settlements = self._see_through(attempt, self._send)
        if settlements is not None:
            return settlements
        mine = {claim.key for claim in attempt.claims}
        claimed = [item for item in items if item.claim.key in mine]
        half = len(claimed) // 2
        return self.write(endpoint, claimed[:half]) + self.write(endpoint, claimed[half:])

    def finish(self, attempt: Attempt) -> list[Settlement]:
        """See an attempt through that another process left open."""
        step = {"stored": self._free, "faulted": self._read_back}.get(attempt.state, self._send)
        settlements = self._see_through(attempt, step)
        if settlements is None:
            return [_released(claim) for claim in attempt.claims]
        return settlements

    def _see_through(
        self, attempt: Attempt, step: Callable[[Attempt], list[Settlement] | None]
    ) -> list[Settlement] | None:
        """Take a step under the attempt's lease, which is given up where the step cannot be ended."""
        try:
            return step(attempt)
        except LeaseLost:
            log.warning("Attempt %s was taken over; its new owner sees it through.", attempt.id)
            return []
        except BaseException:
            self._attempts.leave(attempt)
            raise

    def _free(self, attempt: Attempt) -> list[Settlement]:
        """It was stored and never sent."""
        return self._settle(attempt, [_released(claim) for claim in attempt.claims], "never sent")

    def _send(self, attempt: Attempt) -> list[Settlement] | None:
        """Send, and settle by the answer. None if the whole request was refused for one of several elements."""

        def before_send() -> None:
            nonlocal attempt
            now = self._client.http.far_now()
            if attempt.first_sent_at and now - attempt.first_sent_at > KEY_LIFE:
                raise KeyExpired(attempt.id)
            attempt = self._attempts.note_sent(attempt, now)

        def meanwhile() -> None:
            nonlocal attempt
            attempt = self._attempts.keep(attempt)

        try:
            endpoint = BY_NAME[attempt.endpoint]
            answer = self._client.send(
                attempt.method, endpoint, attempt.body, attempt.key, before_send, meanwhile
            )
            return self._settle_answer(attempt, answer)
        except ServerFault as fault:
            attempt = self._attempts.note_fault(attempt)
            return self._read_back(attempt, ended=attempt.sends == 1 and fault.status not in _GATEWAY)
        except KeyExpired:
            return self._read_back(attempt)
        except (NotFound, Refused) as refusal:
            return self._refused(attempt, refusal)

    def _refused(self, attempt: Attempt, refusal: NotFound | Refused) -> list[Settlement] | None:
        """4xx for the whole request: nothing was carried out. One element alone is its culprit.

        That holds for a request that was sent once; of an earlier sending a later refusal says nothing.
        """
        if attempt.sends > 1:
            return self._read_back(attempt)
        if len(attempt.claims) == 1:
            finding = Finding(Cause.rejected, f"Xero refuses the request: {_told(refusal)}")
            refused = Settlement(attempt.claims[0], Outcome.rejected, None, (finding,), _said(refusal))
            return self._settle(attempt, [refused], f"refused with {refusal.status}")
        # The answer may be about any of them: it stands in no order's trail but the culprit's.
        released = [_released(claim) for claim in attempt.claims]
        self._settle(attempt, released, f"refused whole with {refusal.status}")
        return None

    def _settle_answer(self, attempt: Attempt, answer: Answer) -> list[Settlement]:
        endpoint = BY_NAME[attempt.endpoint]
        found = answer.data.get(endpoint.name, []) if isinstance(answer.data, dict) else []
        rows = _matched(found, attempt.claims, endpoint)
        settled = [_by_answer(claim, row, endpoint) for claim, row in zip(attempt.claims, rows, strict=True)]
        taken = [s for s in settled if s.outcome is Outcome.rejected and _says_taken(s)]
        if taken:
            held = {s.claim.key: s for s in self._who_holds(endpoint, taken)}
            settled = [held.get(s.claim.key, s) if s.outcome is Outcome.rejected else s for s in settled]
        return self._settle(attempt, settled, "answered", answer)

    def _read_back(self, attempt: Attempt, *, ended: bool = False) -> list[Settlement]:
        """Nobody knows what became of the request: look for it in Xero, and free what is not there.

        Unless the request is known to have ended, it may still be at work, and is waited out first.
        """
        endpoint = BY_NAME[attempt.endpoint]
        if not ended and attempt.last_sent_at:
            wait = (attempt.last_sent_at + self._longest - self._client.http.far_now()).total_seconds()
            if wait > 0:
                log.info("Waiting %.0f s until a cut request must have ended.", wait)
                self._sleep(wait)
        since = (attempt.first_sent_at or self._client.http.far_now()) - CLOCK_MARGIN
        marks = {claim.mark for claim in attempt.claims}
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for rows, _ in changed_since(self._client, endpoint, since, _everything(endpoint)):
            for row in rows:
                if row.get(endpoint.mark) in marks:
                    found.setdefault(row[endpoint.mark], {})[row[endpoint.id]] = row
        elements = _parse.decode(attempt.body)[endpoint.name]
        settled = [
            _seen(claim, list(found.get(claim.mark, {}).values()), element, endpoint)
            for claim, element in zip(attempt.claims, elements, strict=True)
        ]
        return self._settle(attempt, settled, "read back")

    def _who_holds(self, endpoint: Endpoint, refused: Sequence[Settlement]) -> list[Settlement]:
        """Xero says a number is in use: by our own document, by a stranger, or by nothing that can be seen.

        Of a contact it may be the name that is in use: Xero's own words are kept then.
        """
        holders: dict[str, list[dict[str, Any]]] = {}
        for row in self._holders(endpoint, [s.claim.number for s in refused if s.claim.number]):
            holders.setdefault(row.get(endpoint.number, ""), []).append(row)
        settled = []
        for refusal in refused:
            claim = refusal.claim
            rows = holders.get(claim.number or "", [])
            ours = [row for row in rows if row.get(endpoint.mark) == claim.mark]
            if ours:
                settled.append(replace(recognised(claim, ours, None), answer=refusal.answer))
                continue
            if endpoint is CONTACTS and not rows:
                settled.append(replace(refusal, outcome=Outcome.held))
                continue
            who = ", ".join(
                f"{row.get('Contact', {}).get('Name', '?')} ({row.get('Status')}, document {row[endpoint.id]})"
                for row in rows
            )
            detail = (
                f"Number {claim.number} belongs to {who}."
                if who
                else (f"Xero says number {claim.number} is in use, and shows no document that bears it.")
            )
            found = (Finding(Cause.number_taken, detail, "reference"),)
            settled.append(replace(refusal, outcome=Outcome.held, findings=found))
        return settled

    def _holders(self, endpoint: Endpoint, numbers: list[str]) -> list[dict[str, Any]]:
        if endpoint is INVOICES:
            rows = self._client.by_values(endpoint.name, "InvoiceNumbers", numbers, _everything(endpoint))
            return [row for row in rows if row.get("Type") == "ACCREC"]
        return [row for number in numbers for row in self._one_or_none(endpoint, number)]

    def _one_or_none(self, endpoint: Endpoint, number: str) -> list[dict[str, Any]]:
        try:
            return self._client.one(endpoint, number)
        except (NotFound, Refused):
            return []

    def _settle(
        self, attempt: Attempt, settled: list[Settlement], outcome: str, answer: Answer | None = None
    ) -> list[Settlement]:
        correlation = answer.headers.get("Xero-Correlation-Id") if answer else None
        self._attempts.settle(attempt, settled, outcome, self._run_id, correlation)
        return settled


def _told(refusal: CallError) -> str:
    """Xero's own words in a refusal, where there are any."""
    try:
        answer = _parse.decode(refusal.body)
        texts = [text for element in answer.get("Elements", [answer]) for text in messages(element)]
    except (msgspec.DecodeError, AttributeError):
        texts = []
    return "; ".join(texts) or str(refusal)


def _said(refusal: CallError) -> Any:
    """The whole answer of a refusal: JSON as such, anything else as text."""
    try:
        return _parse.decode(refusal.body)
    except msgspec.DecodeError:
        return refusal.body.decode(errors="replace")


def shows(row: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Whether a document of Xero's says everything that was asked for, and its lines no more than that."""
    return all(_says(row, name, value) for name, value in asked.items())


def keeps_more(line: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    """Whether a line of Xero's bears something that was not asked for: what is left out stays there."""
    return any(line.get(name) and name not in asked for name in ("DiscountRate", "ItemCode", "Tracking"))


def _says(row: Mapping[str, Any], name: str, asked: Any) -> bool:
    value = row.get(name)
    if isinstance(asked, Mapping):
        return isinstance(value, Mapping) and shows(value, asked)
    if isinstance(asked, list):
        value = value or []
        pairs = list(zip(value, asked, strict=False))
        return len(value) == len(asked) and all(shows(*pair) and not keeps_more(*pair) for pair in pairs)
    if name.endswith("Date"):
        day = calendar_date(row, name)
        return day is not None and day.isoformat() == asked
    if isinstance(asked, str):
        return (value or "") == asked
    return decimal(value) == decimal(asked)


def _seen(
    claim: Claim, rows: Sequence[Mapping[str, Any]], element: Mapping[str, Any], endpoint: Endpoint
) -> Settlement:
    """What a reading back found. An update that cannot be seen is free: the next one compares before it writes."""
    if claim.operation != UPDATE:
        return recognised(claim, rows, element)
    done = [row for row in rows if row[endpoint.id] == element[endpoint.id] and shows(row, element)]
    return Settlement(claim, Outcome.written, done[0]) if done else _released(claim)


def recognised(
    claim: Claim, rows: Sequence[Mapping[str, Any]], element: Mapping[str, Any] | None
) -> Settlement:
    """What documents that bear our mark mean for a claim; `element` is what we asked for, where known."""
    alive = [row for row in rows if row.get("Status", row.get("ContactStatus")) not in _GONE]
    if len(alive) > 1:
        ids = ", ".join(str(row.get("InvoiceID") or row.get("PurchaseOrderID")) for row in alive)
        finding = Finding(Cause.several_documents, f"{len(alive)} documents bear this order's mark: {ids}.")
        return Settlement(claim, Outcome.several, alive[0], (finding,))
    if alive:
        row = alive[0]
        differing = _differences(claim, row, element)
        if differing:
            finding = Finding(Cause.conflict, f"Our document was changed in Xero: {'; '.join(differing)}.")
            return Settlement(claim, Outcome.conflict, row, (finding,))
        return Settlement(claim, Outcome.adopted, row)
    if rows:
        row = rows[-1]
        finding = Finding(
            Cause.removed, f"Our document {row.get('InvoiceNumber', '')} is {row.get('Status')}."
        )
        return Settlement(claim, Outcome.removed, row, (finding,))
    return _released(claim)


def _differences(claim: Claim, row: Mapping[str, Any], element: Mapping[str, Any] | None) -> list[str]:
    """Where a document no longer says what we asked for: total, currency, contact."""
    found = []
    if claim.total is not None and decimal(row.get("Total")) != decimal(claim.total):
        found.append(f"total {plain(decimal(row.get('Total')))} instead of {claim.total}")
    if element and "CurrencyCode" in element and row.get("CurrencyCode") != element["CurrencyCode"]:
        found.append(f"currency {row.get('CurrencyCode')} instead of {element['CurrencyCode']}")
    wanted = (element or {}).get("Contact", {}).get("ContactID")
    if wanted and (row.get("Contact") or {}).get("ContactID") != wanted:
        found.append("another contact")
    return found


def _by_answer(claim: Claim, row: Mapping[str, Any], endpoint: Endpoint) -> Settlement:
    """One element's answer. Nothing of an ERROR element or under a zero id is taken for a document."""
    texts = tuple(messages(row))
    status = row.get("StatusAttributeString", "OK")
    if status == "ERROR" or row.get(endpoint.id, NO_ID) == NO_ID:
        found = tuple(Finding(Cause.rejected, text) for text in texts or ("Xero gives no reason.",))
        return Settlement(claim, Outcome.rejected, None, found, row)
    found = tuple(Finding(Cause.xero_warning, text) for text in texts) if status == "WARNING" else ()
    if claim.total is not None and decimal(row.get("Total")) != decimal(claim.total):
        detail = f"Xero's total is {plain(decimal(row.get('Total')))}, {claim.total} was predicted."
        found += (Finding(Cause.total_differs, detail, "totals.gross"),)
    return Settlement(claim, Outcome.written, row, found)


def _matched(
    rows: Sequence[Mapping[str, Any]], claims: Sequence[Claim], endpoint: Endpoint
) -> list[Mapping[str, Any]]:
    """The answer's rows in the order of the claims: by mark where each bears its own, else as they stand."""
    by_mark = {row.get(endpoint.mark): row for row in rows}
    if all(claim.mark in by_mark for claim in claims):
        return [by_mark[claim.mark] for claim in claims]
    if len(rows) != len(claims):
        raise ServerFault(f"Xero answered {len(rows)} elements for {len(claims)}.")
    return list(rows)


def _says_taken(settlement: Settlement) -> bool:
    return any(part in finding.detail.lower() for finding in settlement.findings for part in _NUMBER_TAKEN)


def _everything(endpoint: Endpoint) -> dict[str, str]:
    if endpoint is CONTACTS:
        return {"includeArchived": "true"}
    return {"unitdp": "4"} if endpoint.unitdp else {}


def _released(claim: Claim) -> Settlement:
    return Settlement(claim, Outcome.released)
