"""Finds an order's contact among those in Xero, or says how a new one is to be named.

The order of search: the stored link, our ContactNumber, an exact active name that nobody else bears a claim
to; else a new contact. Two customers of one name stay two.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from tasks.domain.books import XeroContact
from tasks.domain.orders import Contact
from tasks.domain.outcomes import Cause
from tasks.mapping.findings import Findings

NAME_LIMIT = 255
NUMBER_LIMIT = 50
_WHOLE = {"email": 255, "vat_number": 50, "phone": 50}
_ADDRESS = {"line1": 500, "line2": 500, "city": 255, "region": 255, "postal_code": 50}


def name_key(name: str) -> str:
    """What Xero compares when it asks whether a name is taken: its case does not matter, nor what it refuses."""
    return _allowed(name).casefold()


def _allowed(name: str) -> str:
    """A name as Xero takes it: no angle brackets, no leading or double spaces."""
    return " ".join(re.sub(r"[<>]", " ", name).split())


def clean_name(name: str, findings: Findings) -> str:
    """A name that Xero takes: no angle brackets, no leading or double spaces, at most 255 characters."""
    cleaned = _allowed(name)
    if cleaned != name:
        findings.warn(
            Cause.contact_name, f'Contact name "{name}" becomes "{cleaned}" in Xero.', "contact.name"
        )
    return findings.cut(cleaned, NAME_LIMIT, "contact.name")


def fitted(contact: Contact, findings: Findings) -> Contact:
    """A contact of which everything fits Xero's limits: addresses are cut, what makes no sense cut is left out."""
    kept: dict[str, Any] = {
        field: _whole(getattr(contact, field), limit, field, findings) for field, limit in _WHOLE.items()
    }
    address = contact.address and replace(
        contact.address,
        **{
            part: findings.cut(text, limit, f"contact.address.{part}")
            for part, limit in _ADDRESS.items()
            if (text := getattr(contact.address, part))
        },
    )
    return replace(contact, **kept, address=address)


def _whole(text: str | None, limit: int, field: str, findings: Findings) -> str | None:
    if text and len(text) > limit:
        detail = f"contact.{field} has {len(text)} characters; Xero takes {limit}, so it is left out there."
        findings.warn(Cause.text_cut, detail, f"contact.{field}")
        return None
    return text


def contact_number(prefix: str, contact_id: str) -> str:
    """Our external key for a contact; long ids are shortened by their digest."""
    number = f"{prefix}{contact_id}"
    if len(number) <= NUMBER_LIMIT:
        return number
    digest = hashlib.sha256(number.encode()).hexdigest()[:16]
    return f"{number[: NUMBER_LIMIT - 17]}-{digest}"


@dataclass
class Directory:
    """The contacts that matter to a window of orders. `links` maps Monstock's ids to Xero's."""

    links: dict[str, str] = field(default_factory=dict)
    by_id: dict[str, XeroContact] = field(default_factory=dict)
    by_number: dict[str, XeroContact] = field(default_factory=dict)
    by_name: dict[str, list[XeroContact]] = field(default_factory=dict)
    linked: set[str] = field(default_factory=set)
    new: dict[str, str] = field(default_factory=dict)

    def add(self, contacts: Iterable[XeroContact]) -> None:
        """Take contacts in."""
        for contact in contacts:
            if contact.id in self.by_id:
                continue
            self.by_id[contact.id] = contact
            if contact.number:
                self.by_number[contact.number] = contact
            self.by_name.setdefault(name_key(contact.name), []).append(contact)

    def link(self, contact: Contact, found: XeroContact) -> None:
        """Note that a Monstock contact is this one in Xero."""
        self.links[contact.id] = found.id
        self.linked.add(found.id)

    def survivor(self, contact: XeroContact) -> XeroContact:
        """Follow merges to the contact that is left."""
        seen = {contact.id}
        while contact.merged_to and contact.merged_to not in seen and contact.merged_to in self.by_id:
            contact = self.by_id[contact.merged_to]
            seen.add(contact.id)
        return contact

    def announce(self, contact: Contact, findings: Findings) -> None:
        """Note that a contact is to be made, with a warning if its name cannot be just that."""
        key = name_key(contact.name)
        if self.by_name.get(key) or self.new.setdefault(key, contact.id) != contact.id:
            detail = f'The name "{contact.name}" is taken in Xero; the new contact bears it with a number behind it.'
            findings.warn(Cause.contact_name, detail, "contact.name")

    def free_name(self, name: str, taken: set[str]) -> str:
        """The name itself, or with the lowest suffix that nobody bears: "Acme (2)"."""
        wanted, count = name, 1
        while name_key(wanted) in self.by_name or name_key(wanted) in taken:
            count += 1
            suffix = f" ({count})"
            wanted = name[: NAME_LIMIT - len(suffix)].rstrip() + suffix
        return wanted


def identify(contact: Contact, directory: Directory, prefix: str) -> XeroContact | None:
    """The contact that is this one, as it once was: it may have been merged into another since."""
    found = _by_link(contact, directory) or directory.by_number.get(contact_number(prefix, contact.id))
    return found or _by_name(contact, directory)


def match(contact: Contact, directory: Directory, prefix: str, findings: Findings) -> XeroContact | None:
    """The contact in Xero, or None if one is to be made; an archived match is held."""
    found = identify(contact, directory, prefix)
    if found is None:
        return None
    found = directory.survivor(found)
    if not found.active:
        findings.hold(
            Cause.contact_archived, f'Contact "{found.name}" is {found.status.lower()} in Xero.', "contact"
        )
    return found


def _by_link(contact: Contact, directory: Directory) -> XeroContact | None:
    return directory.by_id.get(directory.links.get(contact.id, ""))


def _by_name(contact: Contact, directory: Directory) -> XeroContact | None:
    """An active namesake wins over an archived one; numbered or linked ones belong to somebody else."""
    namesakes = [
        c
        for c in directory.by_name.get(name_key(contact.name), [])
        if not c.number and directory.survivor(c).id not in directory.linked
    ]
    return next((c for c in namesakes if c.active), namesakes[0] if namesakes else None)
