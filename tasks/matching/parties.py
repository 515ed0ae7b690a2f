"""Whether an order's contact and a document's are the same."""

import re
import unicodedata
from enum import IntEnum
from functools import lru_cache

from tasks.domain.books import SeenDocument
from tasks.matching.claimants import Claimant

# fmt: off
_LEGAL_FORMS = frozenset({
    "ltd", "limited", "plc", "llc", "llp", "inc", "incorporated", "corp", "corporation", "co", "company",
    "gmbh", "ag", "kg", "bv", "nv", "sa", "sas", "sarl", "srl", "spa", "pty", "the", "and",
})
# fmt: on


class Likeness(IntEnum):
    """How alike two contacts are; `similar` names differ in punctuation or legal form only."""

    different = 0
    similar = 1
    same = 2


def likeness(claimant: Claimant, document: SeenDocument) -> Likeness:
    """By ContactID where both are known, else by name."""
    if claimant.contact_id and document.contact_id:
        return Likeness.same if claimant.contact_id == document.contact_id else Likeness.different
    if exact_name(claimant.contact_name) == exact_name(document.contact_name) != "":
        return Likeness.same
    alike = loose_name(claimant.contact_name) == loose_name(document.contact_name) != ""
    return Likeness.similar if alike else Likeness.different


def home(claimant: Claimant) -> str:
    """The key under which an order is kept: its contact's id, or where that is not known, the name."""
    return f"id {claimant.contact_id}" if claimant.contact_id else f"name {loose_name(claimant.contact_name)}"


def homes(document: SeenDocument) -> tuple[str, str]:
    """The keys under which the orders of a document's contact are found."""
    return f"id {document.contact_id}", f"name {loose_name(document.contact_name)}"


@lru_cache(maxsize=65_536)
def exact_name(name: str) -> str:
    """A name as Xero compares it: case and spaces do not matter."""
    return " ".join(name.split()).casefold()


@lru_cache(maxsize=65_536)
def loose_name(name: str) -> str:
    """A name without accents, punctuation and legal form; of nothing else, the name as it is."""
    bare = unicodedata.normalize("NFKD", name).casefold()
    words = re.findall(
        r"[^\W_]+", "".join(c for c in bare if not unicodedata.combining(c) and c not in ".'’")
    )
    return " ".join([w for w in words if w not in _LEGAL_FORMS] or words)
