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
from tasks.domain.outcomes import Cause, Finding
from tasks.ledger.attempts import Attempt, Attempts, LeaseLost
from tasks.ledger.claims import CHANGES, Claim, Outcome, Settlement
from tasks.transport.http import Answer
from tasks.xero.allocating import by_allocation, read_allocation
from tasks.xero.client import XeroClient
from tasks.xero.endpoints import ALLOCATIONS, BY_NAME, CONTACTS, INVOICES, Endpoint
from tasks.xero.recognition import bears, by_answer, matched, recognised, released, says_taken, seen
from tasks.xero.walk import changed_since
from tasks.xero.wire import body, messages

log = logging.getLogger(__name__)

# Xero keeps a key for 6 minutes; ours is given up a minute earlier.
KEY_LIFE = timedelta(minutes=5)
# No request runs longer than this at Xero; a reading before that could miss what it makes.
LONGEST_REQUEST = timedelta(minutes=2)
# How far a reading back reaches before the first sending, for clocks that differ.
CLOCK_MARGIN = timedelta(minutes=2)

# A gateway gave up waiting; what stands behind it may still be at work.
_GATEWAY = {502, 504}
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
        method = "POST" if items[0].claim.operation in CHANGES else "PUT"
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
            return [released(claim) for claim in attempt.claims]
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
        return self._settle(attempt, [released(claim) for claim in attempt.claims], "never sent")

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
                attempt.method, endpoint, attempt.body, attempt.key, before_send, meanwhile, attempt.path
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
        freed = [released(claim) for claim in attempt.claims]
        self._settle(attempt, freed, f"refused whole with {refusal.status}")
        return None

    def _settle_answer(self, attempt: Attempt, answer: Answer) -> list[Settlement]:
        endpoint = BY_NAME[attempt.endpoint]
        found = answer.data.get(endpoint.name, []) if isinstance(answer.data, dict) else []
        if endpoint is ALLOCATIONS:
            return self._settle(attempt, [by_allocation(attempt.claims[0], found)], "answered", answer)
        rows = matched(found, attempt.claims, endpoint)
        settled = [by_answer(claim, row, endpoint) for claim, row in zip(attempt.claims, rows, strict=True)]
        taken = [s for s in settled if s.outcome is Outcome.rejected and says_taken(s)]
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
        elements = _parse.decode(attempt.body)[endpoint.name]
        if endpoint is ALLOCATIONS:
            stands = read_allocation(self._client, attempt.claims[0], elements[0])
            return self._settle(attempt, [stands], "read back")
        since = (attempt.first_sent_at or self._client.http.far_now()) - CLOCK_MARGIN
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for rows, _ in changed_since(self._client, endpoint, since, _everything(endpoint)):
            for row in rows:
                for claim in attempt.claims:
                    if bears(row, claim, endpoint):
                        found.setdefault(claim.mark, {})[row[endpoint.id]] = row
        settled = [
            seen(claim, list(found.get(claim.mark, {}).values()), element, endpoint)
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
            ours = [row for row in rows if bears(row, claim, endpoint)]
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


def _everything(endpoint: Endpoint) -> dict[str, str]:
    if endpoint is CONTACTS:
        return {"includeArchived": "true"}
    return endpoint.exact
