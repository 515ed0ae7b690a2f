"""Finds the orders whose numbers a document bears, and says how clearly each is spelt."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from tasks.domain.books import SeenDocument
from tasks.matching.claimants import Claimant
from tasks.matching.parties import Likeness, home, homes, likeness
from tasks.matching.tokens import Spelling, Token, folded, shape, slips, spelling, tokens, trimmed

# Of more orders with one key only the first are kept: it tells nothing any more, and the work has a bound.
CROWD = 8
_MOST_PIECES = 6
_MOST_SLIPS = 8
# Fewer digits are found in any text: they need a word such as "PO" before them, or a field of their own.
_TELLING_DIGITS = 4


class Clarity(IntEnum):
    """How clearly a number is spelt.

    `clear`: a whole word, letter by letter. `figure`: as clear, but a mere figure, or not ours, so that it may
    well mean something else. `noisy`: read with good will.
    """

    noisy = 0
    figure = 1
    clear = 2


@dataclass(frozen=True, slots=True)
class Mention:
    """An order whose number a document bears; `key` is the number as it was looked up."""

    claimant: Claimant
    clarity: Clarity
    reason: str
    key: str = ""


class _Known(NamedTuple):
    claimant: Claimant
    text: str
    spelling: Spelling


class NumberIndex:
    """The numbers of all orders of one side, ready to be found in documents."""

    def __init__(self, claimants: Iterable[Claimant]) -> None:
        self._exact: dict[str, list[_Known]] = defaultdict(list)
        self._folded: dict[str, list[_Known]] = defaultdict(list)
        self._trimmed: dict[tuple[str, str], list[_Known]] = defaultdict(list)
        self._external: dict[tuple[str, str], list[_Known]] = defaultdict(list)
        self._shapes: set[str] = set()
        self._longest, self._widest = 1, 0
        for claimant in claimants:
            self._add(claimant)

    def mentions(self, document: SeenDocument, *, lines: bool) -> list[Mention]:
        """Every order that a document's number, its reference or (`lines`) its lines name; each once, at its best."""
        fields = [("its number", document.number), ("its reference", document.reference)]
        best: dict[int, Mention] = {}
        unread: list[tuple[str, Token]] = []
        for field, text in [*fields, ("its lines", document.text if lines else "")]:
            for token in tokens(text or "", self._longest, self._widest):
                found = list(self._of(token, field, document))
                if token.whole and all(likeness(m.claimant, document) is Likeness.different for m in found):
                    unread.append((field, token))
                _keep(best, found)
        _keep(best, self._slipped(unread, document))
        return list(best.values())

    def resembling(self, key: str) -> Iterator[Claimant]:
        """The orders whose number is one slip, or one bad scan, away from this one."""
        yield from (known.claimant for known in self._folded.get(folded(key), []))
        for slip in slips(key):
            yield from (known.claimant for known in self._exact.get(slip, []))

    def _add(self, claimant: Claimant) -> None:
        external = _Known(claimant, claimant.external or "", spelling(claimant.external or ""))
        for text in dict.fromkeys((claimant.reference, *claimant.numbers)):
            known = _Known(claimant, text, spelling(text))
            if known.spelling.digits and known.spelling.compact != external.spelling.compact:
                self._add_ours(known)
        if external.spelling.digits:
            self._widest = max(self._widest, len(external.spelling.compact))
            _put(self._external[home(claimant), external.spelling.compact], external)

    def _add_ours(self, known: _Known) -> None:
        spelt = known.spelling
        _put(self._exact[spelt.compact], known)
        _put(self._folded[folded(spelt.compact)], known)
        self._shapes.add(shape(folded(spelt.compact)))
        self._widest = max(self._widest, len(spelt.compact) + 1)
        self._longest = min(max(self._longest, len(spelt.cuts) + 2), _MOST_PIECES)
        for key in {trimmed(spelt), "".join(spelt.groups), f"…{int(spelt.groups[-1])}"}:
            _put(self._trimmed[home(known.claimant), key], known)

    def _of(self, token: Token, field: str, document: SeenDocument) -> Iterator[Mention]:
        spelt = token.spelling
        exact = self._exact.get(spelt.compact, [])
        for known in exact:
            yield _mention(known, _clarity(token, known.spelling), field, token)
        if any(likeness(known.claimant, document) is not Likeness.different for known in exact):
            return
        for known in self._folded.get(folded(spelt.compact), []):
            yield _mention(known, Clarity.noisy, field, token)
        yield from self._of_the_contact(token, document, field)

    def _of_the_contact(self, token: Token, document: SeenDocument, field: str) -> Iterator[Mention]:
        """What is read as a number only because the document is that contact's."""
        if not token.whole:
            return
        for kept in homes(document):
            for known in self._external.get((kept, token.spelling.compact), []):
                clear = field == "its number" and token.alone
                yield _mention(known, Clarity.figure if clear else Clarity.noisy, field, token)
            for key in _abbreviations(token):
                for known in self._trimmed.get((kept, key), []):
                    yield _mention(known, Clarity.noisy, field, token)

    def _slipped(self, unread: list[tuple[str, Token]], document: SeenDocument) -> Iterator[Mention]:
        """Numbers of no order at all, that are one slip away from an order of this contact."""
        likely = [(field, token) for field, token in unread if self._well_shaped(token)]
        for field, token in likely[:_MOST_SLIPS]:
            for slip in slips(folded(token.spelling.compact)):
                for known in self._folded.get(slip, []):
                    if likeness(known.claimant, document) is not Likeness.different:
                        yield _mention(known, Clarity.noisy, field, token)

    def _well_shaped(self, token: Token) -> bool:
        """Whether it has the shape of our numbers, or has one digit more or less."""
        if token.spelling.digits < _TELLING_DIGITS:
            return False
        found = shape(folded(token.spelling.compact))
        at = found.rfind("9")
        return bool({found, found[:at] + found[at + 1 :], found[:at] + "9" + found[at:]} & self._shapes)


def _put(shelf: list[_Known], known: _Known) -> None:
    if len(shelf) < CROWD:
        shelf.append(known)


def _keep(best: dict[int, Mention], found: Iterable[Mention]) -> None:
    for mention in found:
        before = best.get(id(mention.claimant))
        if before is None or before.clarity < mention.clarity:
            best[id(mention.claimant)] = mention


def _mention(known: _Known, clarity: Clarity, field: str, token: Token) -> Mention:
    verb = "name" if field == "its lines" else "names"
    read = known.text if clarity > Clarity.noisy else f'"{token.written}", perhaps {known.text}'
    return Mention(known.claimant, clarity, f"{field} {verb} {read}", known.spelling.compact)


def _clarity(token: Token, known: Spelling) -> Clarity:
    spelt = token.spelling
    torn = not token.whole or not spelt.cuts <= known.cuts
    # "Meyer & Co 1001 pieces" does not name CO-1001, and "No 7" not NO-7.
    by_chance = token.spaced and not (token.introduced or token.alone)
    short = known.digits < _TELLING_DIGITS and not (known.cuts and spelt.cuts == known.cuts)
    if torn or by_chance or (short and known.lettered):
        return Clarity.noisy
    if known.lettered:
        return Clarity.clear
    telling = token.introduced or token.alone or known.digits > _TELLING_DIGITS
    return Clarity.figure if telling else Clarity.noisy


def _abbreviations(token: Token) -> set[str]:
    """How a number may be written without its letters, its year or its leading zeros."""
    spelt = token.spelling
    telling = spelt.digits >= _TELLING_DIGITS or token.introduced or token.alone
    worded = spelt.lettered and (token.spaced or not spelt.compact[-1].isdecimal())
    if worded or not telling:
        return set()
    keys = {trimmed(spelt), "".join(spelt.groups)}
    return keys | {f"…{int(spelt.groups[0])}"} if len(spelt.groups) == 1 else keys
