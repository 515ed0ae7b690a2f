"""The key under which the ledger keeps what must not be read: tokens, and the key of the audit trail.

It comes from MONSTOCK_XERO_KEY, else from a file that only its owner can read (MONSTOCK_XERO_KEY_FILE, default
`~/.monstock-xero/key`), made at first use. Either holds one key, or several with commas between: the first one
seals, the others still open what they sealed.
"""

import os
import secrets
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Connection, select

from tasks.domain.errors import LedgerError
from tasks.ledger.database import Database, upsert
from tasks.ledger.schema import consents, keys

KEY_VARIABLE = "MONSTOCK_XERO_KEY"
FILE_VARIABLE = "MONSTOCK_XERO_KEY_FILE"
HOW = f"Every machine needs the same key: set {KEY_VARIABLE}, or copy the key file ({FILE_VARIABLE})."


class Keyring:
    """Seals and opens values of one ledger. The keys are read anew each time, so that a rotation is seen at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def seal(self, value: bytes) -> bytes:
        """Encrypt under the first key. Raises `LedgerError` where there is none, or it cannot be used."""
        return MultiFernet(self._keys()).encrypt(value)

    def open(self, sealed: bytes) -> bytes:
        """Decrypt. Raises `LedgerError` if it was sealed under a key that is not here."""
        try:
            return MultiFernet(self._keys()).decrypt(sealed)
        except InvalidToken:
            raise LedgerError(f"The ledger's secrets are sealed under another key. {HOW}") from None

    def named(self, name: str) -> bytes:
        """A key of 32 bytes that lies in the ledger itself, sealed; made at its first use, and the same ever after."""
        with self._database.engine.connect() as tx:
            sealed = _named(tx, name)
        if sealed is None:
            fresh = self.seal(secrets.token_bytes(32))
            with self._database.begin() as tx:
                upsert(tx, keys, [{"name": name, "sealed": fresh}], update=())
                sealed = _named(tx, name) or fresh
        return self.open(sealed)

    def rotate(self) -> int:
        """Seal everything in the ledger under a new key; returns how many values that were.

        A key file gets the new key itself. From the environment, the new key must stand first, before the old.
        """
        with self._database.begin() as tx:
            fresh = _from_environment() is None
            texts = [*([Fernet.generate_key().decode()] if fresh else []), *_texts(self._file())]
            if not fresh and len(texts) < 2:
                raise LedgerError(f"Put the new key first in {KEY_VARIABLE}, a comma, then the old one.")
            if fresh:
                _write(self._file(), texts)
            ring = MultiFernet(_fernets(texts))
            count = 0
            for table, columns in ((keys, ["sealed"]), (consents, ["access", "refresh", "previous"])):
                for row in tx.execute(select(table)).mappings().all():
                    changed = {name: ring.rotate(row[name]) for name in columns if row[name]}
                    upsert(tx, table, [{**row, **changed}], columns)
                    count += len(changed)
        if fresh:
            _write(self._file(), texts[:1])
        return count

    def _keys(self) -> list[Fernet]:
        file = self._file()
        if _from_environment() is None and not file.exists():
            with self._database.engine.connect() as tx:
                used = tx.execute(select(keys.c.name)).first() or tx.execute(select(consents.c.id)).first()
            if used:
                raise LedgerError(f"The key of the ledger's secrets is not on this machine. {HOW}")
            with suppress(FileExistsError):
                _write(file, [Fernet.generate_key().decode()], new=True)
        return _fernets(_texts(file))

    @staticmethod
    def _file() -> Path:
        given = os.environ.get(FILE_VARIABLE)
        return Path(given).expanduser() if given else Path.home() / ".monstock-xero" / "key"


def _named(tx: Connection, name: str) -> bytes | None:
    row = tx.execute(select(keys.c.sealed).where(keys.c.name == name)).one_or_none()
    return row.sealed if row else None


def _from_environment() -> str | None:
    return os.environ.get(KEY_VARIABLE) or None


def _texts(file: Path) -> list[str]:
    text = _from_environment()
    if text is None:
        if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise LedgerError(f"{file} can be read by others: chmod 600 it, and rotate the key.")
        text = file.read_text("ascii")
    return [part.strip() for part in text.split(",") if part.strip()]


def _fernets(texts: Sequence[str]) -> list[Fernet]:
    try:
        found = [Fernet(text) for text in texts]
    except ValueError:
        found = []
    if not found:
        raise LedgerError(f"{KEY_VARIABLE} or the key file holds no key: 32 random bytes in URL-safe base64.")
    return found


def _write(file: Path, texts: Sequence[str], *, new: bool = False) -> None:
    """Put the keys there whole or not at all. With `new`, raises `FileExistsError` where somebody was first."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(",".join(texts))
        out.flush()
        os.fsync(out.fileno())
    try:
        if new:
            os.link(draft, file)
        else:
            draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
