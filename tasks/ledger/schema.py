"""The ledger's tables. Amounts are text, so that no database rounds them; times are UTC.

Every row bears its connection. The migrations make these tables; a test holds the two equal.
"""

import zlib
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator


class Utc(TypeDecorator[datetime]):
    """A moment; stored without zone where the database has none, always read as UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC."""
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From UTC, or from whatever zone the database's session has."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def deflate(value: bytes) -> bytes:
    """Compress what is a few kilobytes, quickly: a small window costs less to set up than it saves."""
    work = zlib.compressobj(1, zlib.DEFLATED, 12, 5)
    return work.compress(value) + work.flush()


class Compressed(TypeDecorator[bytes]):
    """Bytes that are kept for years and seldom read: deflated."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        """Deflate."""
        return None if value is None else deflate(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> bytes | None:
        """Inflate."""
        return None if value is None else zlib.decompress(value)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)


def _key(name: str, length: int = 100) -> Column[str]:
    return Column(name, String(length), primary_key=True)


def _order_key() -> list[Column[Any]]:
    return [_key("connection"), _key("kind", 20), _key("order_id")]


connections = Table(
    "connections",
    metadata,
    _key("connection"),
    Column("tenant_id", String(36), nullable=False),
    Column("tenant_name", Text, nullable=False),
    Column("consent_id", String(36), comment="whose tokens it uses"),
    Column("connected_at", Utc, comment="when a person joined it to its organisation"),
)

consents = Table(
    "consents",
    metadata,
    _key("id", 36),
    Column("identity_url", Text, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("grant_type", String(20), nullable=False, comment="authorization_code or client_credentials"),
    Column("scopes", Text, nullable=False),
    Column("dead", Text, comment="why only a person's new consent helps; empty while it lives"),
    Column("access", LargeBinary, comment="sealed"),
    Column("access_until", Utc, comment="by Xero's clock"),
    Column("refresh", LargeBinary, comment="sealed"),
    Column("previous", LargeBinary, comment="sealed: the refresh token before the last renewal"),
    Column("previous_until", Utc, comment="by Xero's clock"),
    Column("renewer", String(100), comment="who holds the right to renew"),
    Column("renewer_until", Utc, comment="by the ledger's clock"),
    Column("changed_at", Utc, nullable=False),
)

keys = Table(
    "keys",
    metadata,
    _key("name", 40),
    Column("sealed", LargeBinary, nullable=False),
)

budgets = Table(
    "budgets",
    metadata,
    _key("scope", 120),
    Column(
        "state", Text, nullable=False, comment="JSON: calls of the last minute, under way, in line; limits"
    ),
)

trail = Table(
    "trail",
    metadata,
    _key("connection"),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Utc, nullable=False),
    Column("event", String(20), nullable=False),
    Column("run_id", String(100), nullable=False, comment="the run, or the person"),
    Column("subject", String(20), nullable=False, comment="customer, supplier, contact or connection"),
    Column("subject_id", String(100), nullable=False),
    Column("revision", String(64)),
    Column("rules", String(64)),
    Column("document_id", String(36)),
    Column("content", LargeBinary, comment="deflated JSON: request, answer, findings; empty once erased"),
    Column("content_mac", String(64), nullable=False),
    Column("mac", String(64), nullable=False, comment="over this row and the one before"),
    Index(None, "connection", "subject", "subject_id"),
)

trail_heads = Table(
    "trail_heads",
    metadata,
    _key("connection"),
    Column("number", Integer, nullable=False),
    Column("mac", String(64), nullable=False),
)

orders = Table(
    "orders",
    metadata,
    *_order_key(),
    Column("reference", Text, nullable=False),
    Column("contact_id", Text),
    Column("contact_name", Text),
    Column("order_date", Date),
    Column("currency", String(3)),
    Column("net", Text),
    Column("gross", Text),
    Column("received", Text, comment="net of what was delivered so far; empty where that is not tracked"),
    Column("external", Text, comment="the customer's or supplier's own number"),
    Column("status", String(20), comment="Monstock's own word"),
    Column("document_date", Date, comment="the billing date, else the order date"),
    Column("taxes", Text, comment="JSON by Xero's tax type, as the rules tell it: net and tax"),
    Column("listed_at", Utc, comment="when a reconciliation last saw it in Monstock"),
    Column("revision", String(64), nullable=False),
    Column(
        "updated_at", Text, nullable=False, comment="Monstock's own stamp: an older reading changes nothing"
    ),
    Column("generation", Integer, nullable=False, default=1),
    Column("state", String(20), nullable=False),
    Column("since", Utc, nullable=False, comment="when it entered this state with this finding"),
    Column("findings", Text, comment="JSON: holds, rejections or warnings"),
    Column("payload", Text, comment="the order's JSON while it is not settled"),
    Column("tried", String(64), comment="the rules under which Xero was asked in vain"),
    Column("tries", Integer, nullable=False, default=0),
    Column("run_id", String(100), nullable=False, comment="the run that last touched it"),
    Index(None, "connection", "state", "kind", "order_id"),
    Index(None, "connection", "run_id"),
    Index(None, "connection", "document_date"),
)

decisions = Table(
    "decisions",
    metadata,
    *_order_key(),
    Column("decision", String(10), nullable=False, comment="send, skip or ours"),
    Column("reason", Text),
    Column("decided_at", Utc, nullable=False),
    Column("decided_by", Text, nullable=False),
)

links = Table(
    "links",
    metadata,
    *_order_key(),
    _key("role", 20),
    Column("generation", Integer, primary_key=True),
    Column("document_id", String(36), nullable=False),
    Column("document_type", String(20), nullable=False),
    Column("document_number", Text),
    Column("origin", String(10), nullable=False, comment="made, adopted or linked"),
    Column("status", Text, nullable=False),
    Column("total", Text),
    Column("reference", Text, comment="from here to `lines`: the document as our last write left it"),
    Column("contact_id", String(36)),
    Column("currency", Text),
    Column("net", Text),
    Column("tax", Text),
    Column("date", Date),
    Column("due_date", Date),
    Column("line_count", Integer),
    Column("lines", String(16), comment="digest of what its lines say"),
    Column("revision", String(64), nullable=False, comment="the order revision that we wrote last"),
    Column("rules", String(64), comment="digest of the rules it was written under"),
    Column("written", Compressed, comment="JSON of the document as our last write left it"),
    Column("updated_at", Utc, nullable=False),
    Column("run_id", String(100), nullable=False),
    Column("modified", Text, comment="Xero's own stamp, as our last write brought it back"),
    Index(None, "connection", "document_id"),
    Index(None, "document_id"),
)

rulebooks = Table(
    "rulebooks",
    metadata,
    _key("connection"),
    _key("digest", 64),
    Column("rules", Text, nullable=False, comment="JSON: new rules apply to new documents only"),
)

contact_links = Table(
    "contact_links",
    metadata,
    _key("connection"),
    _key("contact_id"),
    Column("xero_id", String(36), nullable=False),
    UniqueConstraint("connection", "xero_id"),
)

contacts = Table(
    "contacts",
    metadata,
    _key("connection"),
    _key("xero_id", 36),
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=False),
    Column("number", Text),
    Column("status", Text, nullable=False),
    Column("merged_to", String(36)),
    Column("terms", Text, comment="JSON: sales and bills, each a day and a type"),
    Index(None, "connection", "name_key"),
    Index(None, "connection", "number"),
)

documents = Table(
    "documents",
    metadata,
    _key("connection"),
    _key("document_id", 36),
    Column("type", Text, nullable=False),
    Column("number", Text),
    Column("reference", Text),
    Column("mark", Text),
    Column("contact_id", String(36), nullable=False),
    Column("contact_name", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("net", Text),
    Column("tax", Text),
    Column("total", Text, nullable=False),
    Column("paid", Text),
    Column("credited", Text, comment="by credit notes, prepayments and overpayments"),
    Column("due", Text, comment="of a credit, what is left of it"),
    Column("date", Date),
    Column("due_date", Date),
    Column("paid_on", Date),
    Column("status", Text, nullable=False),
    Column("sent", Boolean, comment="to the contact"),
    Column("text", Text, comment="what its lines say, where a person made it"),
    Column("line_count", Integer),
    Column("lines", String(16), comment="digest of what its lines say, prices and accounts included"),
    Column("taxes", Text, comment="JSON by tax type: net and tax"),
    Column("modified", Text, comment="Xero's own stamp"),
    Column("read_at", Text, comment="when it was read, by Xero's clock"),
    Column("before_us", Boolean, nullable=False, comment="stood in Xero before the first export"),
    Column("standing", String(10), comment="linked, proposed, unmatched, aside or unreadable; empty: new"),
    Column("since", Utc, comment="when it came to stand so"),
    Column("findings", Text, comment="JSON: what people must know of it"),
    Column("skipped", Text, comment="why a person took it out of the inbox"),
    Column("raw", Compressed, comment="JSON of what could not be read"),
    Index(None, "connection", "mark"),
    Index(None, "connection", "number"),
    Index(None, "connection", "standing"),
    Index(None, "connection", "date"),
    Index(None, "connection", "contact_id", "date"),
)

matches = Table(
    "matches",
    metadata,
    _key("connection"),
    _key("document_id", 36),
    _key("kind", 20),
    _key("order_id"),
    Column("state", String(10), nullable=False, comment="linked, proposed or refused"),
    Column("reason", Text, nullable=False, comment="what speaks for it"),
    Column("decided_by", Text, comment="a person; empty where it was certain"),
    Column("since", Utc, nullable=False),
    Index(None, "connection", "kind", "order_id"),
)

unread = Table(
    "unread",
    metadata,
    _key("connection"),
    _key("endpoint", 40),
    _key("document_id", 36),
)

accounting = Table(
    "accounting",
    metadata,
    *_order_key(),
    Column("shown", Text, comment="JSON of the link as it stands in Monstock"),
    Column(
        "due", Integer, nullable=False, comment="how often a document of its order changed since it was shown"
    ),
    Column("failed", Text, comment="why it could not be written"),
    Column("findings", Text, comment="JSON: what is wrong between the order and its documents"),
    Column("billed", Text, comment="net of a supplier order's bills, less credits"),
    Column("skipped", Text, comment="why a person took it out of the inbox"),
    Column("since", Utc, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("modified", Text, comment="Monstock's own stamp of the order, as our last write brought it back"),
    Index(None, "connection", "due"),
)

attempts = Table(
    "attempts",
    metadata,
    _key("id", 36),
    Column("connection", String(100), nullable=False),
    Column("run_id", String(100), nullable=False),
    Column("method", String(10), nullable=False),
    Column("endpoint", String(40), nullable=False),
    Column("body", Compressed, nullable=False, comment="empty once closed: the trail has it then"),
    Column("key", String(128), nullable=False),
    Column("state", String(10), nullable=False, comment="stored, sent, faulted or closed"),
    Column("owner", String(100), nullable=False),
    Column("lease_until", Utc, nullable=False),
    Column("stored_at", Utc, nullable=False),
    Column("first_sent_at", Utc, comment="by Xero's clock"),
    Column("last_sent_at", Utc, comment="by Xero's clock"),
    Column("sends", Integer, nullable=False, default=0),
    Column("closed_at", Utc),
    Column("outcome", Text, comment="how it ended, in a word or Xero's own"),
    Index(None, "connection", "state"),
)

claims = Table(
    "claims",
    metadata,
    _key("connection"),
    _key("subject", 20),
    _key("subject_id"),
    _key("role", 20),
    Column("generation", Integer, primary_key=True),
    _key("operation", 10),
    Column("attempt_id", String(36), nullable=False),
    Column("position", Integer, nullable=False),
    Column("state", String(10), nullable=False, comment="open, done or released"),
    Column("mark", Text, nullable=False),
    Column("number", Text),
    Column("total", Text, comment="what Xero was predicted to answer"),
    Column("revision", String(64), nullable=False),
    Column("rules", String(64), nullable=False),
    Column("warnings", Text, comment="JSON: what was adjusted"),
    Column("findings", Text, comment="JSON: what was found when it ended"),
    Index(None, "attempt_id"),
)

cursors = Table(
    "cursors",
    metadata,
    _key("connection"),
    _key("stream", 60),
    Column("position", Text, nullable=False),
)

discrepancies = Table(
    "discrepancies",
    metadata,
    _key("connection"),
    _key("id", 16),
    Column("kind", String(30), nullable=False),
    Column("order_kind", String(20), comment="customer or supplier; empty for a document without an order"),
    Column("order_id", String(100)),
    Column("document_id", String(36)),
    Column("ours", Text, nullable=False, comment="what Monstock says, or we wrote last"),
    Column("theirs", Text, nullable=False, comment="what Xero says"),
    Column("difference", Text, comment="Monstock less Xero, in the document's currency"),
    Column("cause", Text, nullable=False),
    Column("state", String(10), nullable=False, comment="open, seen, accepted, repaired or gone"),
    Column("since", Utc, comment="when it came to be, as far as that can be told"),
    Column("first_seen", Utc, nullable=False),
    Column("last_seen", Utc, nullable=False),
    Column("run_id", String(100), nullable=False, comment="the run that last saw it, or ended it"),
    Column("reason", Text, comment="why a person accepted it"),
    Column("decided_by", Text),
    Column("told_at", Utc, comment="when people were told of it; empty: it is news"),
    Index(None, "connection", "state"),
)

backfill_chunks = Table(
    "backfill_chunks",
    metadata,
    _key("connection"),
    _key("backfill_id"),
    Column("first", Date, primary_key=True),
    Column("last", Date, nullable=False),
    Column("run_id", String(100), nullable=False, comment="the run that did it, or is at it"),
    Column("state", String(40), nullable=False, comment="waiting, running, parked, failed or done"),
    Column("calls", Integer, nullable=False, comment="to Xero, of all its runs"),
    Column("documents", Integer, nullable=False, comment="written to Xero, or shown in Monstock"),
    Column("sentence", Text, nullable=False),
    Column("updated_at", Utc, nullable=False),
)

events = Table(
    "events",
    metadata,
    _key("connection"),
    _key("id", 64),
    Column("side", String(10), nullable=False, comment="orders or documents: what it tells of"),
    Column("subject", String(20), nullable=False, comment="customer or supplier; Xero's category"),
    Column("subject_id", String(100), nullable=False),
    Column("changed", Text, nullable=False, comment="when, by the far side's stamp, as text that sorts"),
    Column("received_at", Utc, nullable=False),
    Column("state", String(10), nullable=False, comment="waiting, taken or done"),
    Column("outcome", Text, comment="what became of it"),
    Column("run_id", String(100), comment="the run that has it, or ended it"),
    Index(None, "connection", "side", "state", "received_at"),
    Index(None, "received_at"),
)

followers = Table(
    "followers",
    metadata,
    _key("connection"),
    _key("side", 10),
    Column("busy_until", Utc, comment="somebody is called, or at it, until then"),
    Column("run_id", String(100), comment="who is at it; empty while somebody is called"),
    Column("calls", Integer, nullable=False, comment="how often somebody was called since one came"),
)
