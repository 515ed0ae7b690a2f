"""Finds an order's contact among those in Xero, or says how a new one is to be named.

The order of search: the stored link, our ContactNumber, an exact active name that nobody else bears a claim
to; else a new contact. Two customers of one name stay two.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from tasks.domain.books import XeroContact
from tasks.domain.orders import Contact
from tasks.domain.outcomes import Cause
from tasks.mapping.findings import Findings

NAME_LIMIT = 255
NUMBER_LIMIT = 50


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

    def free_name(self, name: str, taken: set[str]) -> str:
        """The name itself, or with the lowest suffix that nobody bears: "Acme (2)"."""
        wanted, count = name, 1
        while name_key(wanted) in self.by_name or name_key(wanted) in taken:
            count += 1
            suffix = f" ({count})"
            wanted = name[: NAME_LIMIT - len(suffix)].rstrip() + suffix
        return wanted


def match(contact: Contact, directory: Directory, prefix: str, findings: Findings) -> XeroContact | None:
    """The contact in Xero, or None if one is to be made; an archived match is held."""
    found = _by_link(contact, directory) or directory.by_number.get(contact_number(prefix, contact.id))
    if found is None:
        found = _by_name(contact, directory)
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
        if not c.number and c.id not in directory.linked
    ]
    return next((c for c in namesakes if c.active), namesakes[0] if namesakes else None)
