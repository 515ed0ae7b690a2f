"""Reads what may be order numbers out of a text, and says how two spellings of a number compare."""

import re
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

_PIECE = re.compile(r"[^\W_]+")
_GLUE = re.compile(r"[-_/.\u2010-\u2015]+")
_SPACE = re.compile(r"[-_/. \t\u00a0\u2010-\u2015]+")
_DIGIT = re.compile(r"\d")
_DIGITS = re.compile(r"\d+")
_STUCK = re.compile(r"(po|order|ord)(\d.*)")
_ORDER_WORDS = frozenset({"po", "order", "orders", "ord", "p/o", "purchaseorder"})
_NUMBER_WORDS = frozenset({"no", "nr", "num", "number", "numbers", "ref", "reference"})
# What a scanner takes for a digit, or a digit for it.
_LOOKALIKES = str.maketrans("oilsbzg", "0115826")
_PIECES_READ = 600


class _Gap(IntEnum):
    stuck = 0
    glued = 1
    spaced = 2
    broken = 3


class Spelling(NamedTuple):
    """A number's letters and digits, case folded, and the places among them where separators stand."""

    compact: str
    cuts: frozenset[int]
    groups: tuple[str, ...]

    @property
    def lettered(self) -> bool:
        """Whether it has a letter, and so is no mere figure."""
        return not self.compact.isdecimal()

    @property
    def digits(self) -> int:
        """How many digits it has."""
        return sum(map(len, self.groups))


class Token(NamedTuple):
    """A part of a text that may be a number.

    `whole`: nothing is glued to it. `spaced`: it was read across a space. `introduced`: a word such as "PO" or
    "Order no." stands before it. `alone`: the text says nothing else.
    """

    written: str
    spelling: Spelling
    whole: bool
    spaced: bool
    introduced: bool
    alone: bool


def spelling(text: str) -> Spelling:
    """How a number that we know is spelt."""
    return _joined([(piece, _Gap.glued) for piece in _PIECE.findall(text.casefold())])


def tokens(text: str, longest: int, widest: int) -> Iterator[Token]:
    """Every run that may be one number: up to `longest` pieces and `widest` characters, and a digit among them.

    A comma, a line's end and the like part them.
    """
    pieces = list(_pieces(text))[:_PIECES_READ]
    for first in range(len(pieces)):
        width, digits = 0, False
        for last in range(first, min(first + longest, len(pieces))):
            piece = pieces[last]
            width += len(piece.text)
            if width > widest or (last > first and piece.gap is _Gap.broken):
                break
            digits = digits or piece.digits
            if digits:
                yield _token(text, pieces, first, last)


def folded(compact: str) -> str:
    """A number as a poor scan may show it: letters and digits that look alike are one."""
    return compact.translate(_LOOKALIKES)


def trimmed(found: Spelling) -> str:
    """A number without letters and leading zeros: 2026-42 for CO-2026-00042."""
    return "-".join(str(int(group)) for group in found.groups)


def shape(compact: str) -> str:
    """What a number looks like: every digit a 9."""
    return _DIGIT.sub("9", compact)


def slips(compact: str) -> Iterator[str]:
    """Every number that one slip in a digit away: another digit, two exchanged, one too many, one missing."""
    places = [i for i, char in enumerate(compact) if char.isdecimal()]
    for i in places:
        before, after = compact[:i], compact[i + 1 :]
        yield before + after
        for digit in "0123456789":
            if digit != compact[i]:
                yield before + digit + after
            yield before + digit + compact[i:]
        if after[:1].isdecimal() and after[0] != compact[i]:
            yield before + after[0] + compact[i] + after[1:]
    if places and places[-1] == len(compact) - 1:
        yield from (compact + digit for digit in "0123456789")


class _Piece(NamedTuple):
    text: str
    start: int
    end: int
    gap: _Gap

    @property
    def digits(self) -> bool:
        return any(map(str.isdecimal, self.text))


def _pieces(text: str) -> Iterator[_Piece]:
    """The runs of letters and digits, each with the gap before it; "PO1042" is two."""
    end = 0
    for found in _PIECE.finditer(text):
        word, gap = found[0].casefold(), _gap(text[end : found.start()])
        stuck = _STUCK.fullmatch(word)
        if stuck and len(word) == len(found[0]):
            middle = found.start() + stuck.end(1)
            yield _Piece(stuck[1], found.start(), middle, gap)
            yield _Piece(stuck[2], middle, found.end(), _Gap.stuck)
        else:
            yield _Piece(word, found.start(), found.end(), gap)
        end = found.end()


def _gap(between: str) -> _Gap:
    if _GLUE.fullmatch(between):
        return _Gap.glued
    return _Gap.spaced if _SPACE.fullmatch(between) else _Gap.broken


def _token(text: str, pieces: list[_Piece], first: int, last: int) -> Token:
    run = pieces[first : last + 1]
    words = _introduction(pieces, first)
    tied = pieces[first].gap <= _Gap.glued and first > 0
    tied_after = last + 1 < len(pieces) and pieces[last + 1].gap <= _Gap.glued
    return Token(
        written=text[run[0].start : run[-1].end],
        spelling=_joined([(piece.text, piece.gap) for piece in run]),
        whole=not tied_after and (not tied or words > 0),
        spaced=any(piece.gap is _Gap.spaced for piece in run[1:]),
        introduced=words > 0 or text[: run[0].start].endswith("#"),
        alone=first == words and last == len(pieces) - 1,
    )


def _introduction(pieces: list[_Piece], first: int) -> int:
    """How many pieces right before a number say that it is an order's: "PO", "P.O. no.", "Order ref"."""
    at = first
    while at and pieces[at - 1].text in _NUMBER_WORDS:
        at -= 1
    if at and pieces[at - 1].text in _ORDER_WORDS:
        return first - at + 1
    if at > 1 and (pieces[at - 2].text, pieces[at - 1].text) == ("p", "o"):
        return first - at + 2
    return 0


def _joined(pieces: list[tuple[str, _Gap]]) -> Spelling:
    compact, cuts, groups = "", set(), list[str]()
    for text, gap in pieces:
        if compact and gap is not _Gap.stuck:
            cuts.add(len(compact))
        compact += text
        groups += _DIGITS.findall(text)
    return Spelling(compact, frozenset(cuts), tuple(groups))
