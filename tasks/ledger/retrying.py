"""Puts things back where the next run looks at them anew. What succeeds leaves the inbox by itself."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import batched
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, bindparam, case, delete, literal, select, tuple_, update

from tasks.domain.outcomes import Cause, OrderState
from tasks.ledger.database import Database
from tasks.ledger.items import Subject
from tasks.ledger.orders import read_findings
from tasks.ledger.schema import accounting, decisions, documents, matches, orders
from tasks.ledger.trail import Entry, Trail
from tasks.ledger.troubles import SKIP, STANDINGS, STUCK
