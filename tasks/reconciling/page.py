"""The night as a page that opens from a file and asks no network for anything."""

from base64 import b64encode
from hashlib import sha256
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from tasks.domain.discrepancies import Life, Repair
from tasks.reconciling import chart, summing, words
from tasks.reconciling.amounts import shown
from tasks.reconciling.night import AMOUNTS, PLANNED, Night
from tasks.reconciling.rows import rows
from tasks.reconciling.summing import AGES, SIDES, STANDING

ROWS, FOLDED = 5_000, 500
MANY_TOTALS = 24


def render(night: Night) -> str:
    """The whole HTML page. All that comes from outside is escaped; a policy in it forbids every request."""
    pages = Environment(
        loader=PackageLoader(__package__, ""), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    script = _text("page.js")
    digest = b64encode(sha256(script.encode()).digest()).decode()
    return pages.get_template("page.html.j2").render(
        night=night,
        style=Markup(_text("page.css")),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        policy=f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'",
        shown=shown,
        person=Repair.person.value,
        **_verdict(night),
        **_sums(night),
        **_tables(night),
    )


def _verdict(night: Night) -> dict[str, Any]:
    found = words.sentence(night)
    return {
        "verdict": found,
        "tone": "gap" if night.gaps else "good" if summing.agrees(night) else "bad",
        "aside": words.aside(night),
        "facts": words.facts(night),
    }


def _sums(night: Night) -> dict[str, Any]:
    kinds, groups = summing.by_kind(night), summing.groups(night)
    days = night.days.to_dict("records")
    return {
        "groups": groups,
        "many": len(night.totals) > MANY_TOTALS,
        "differing": sum(row["differs"] for group in groups for row in group.rows),
        "amounts": AMOUNTS,
        "sides": SIDES,
        "kinds": kinds,
        "ages": list(AGES),
        "currencies": summing.currencies(kinds),
        "money": summing.money(night),
        "picture": Markup(chart.draw(night)),  # noqa: S704 - vega escapes the texts in it
        "described": chart.describe(night),
        "unit": chart.unit(night),
        "days": days,
    }


def _tables(night: Night) -> dict[str, Any]:
    """The rows of each table, and how many there are in all."""
    parts = {
        "standing": (STANDING, ROWS),
        "accepted": ((Life.accepted,), FOLDED),
        "ended": ((Life.repaired, Life.gone), FOLDED),
    }
    repairs = night.repairs.head(FOLDED).to_dict("records")
    frames = {name: night.standing(*states) for name, (states, _) in parts.items()}
    return {
        "rows": {name: rows(night, frame, parts[name][1]) for name, frame in frames.items()},
        "counted": {name: len(frame) for name, frame in frames.items()} | {"repairs": len(night.repairs)},
        "repairs": repairs,
        "unmade": all(one["outcome"] == PLANNED for one in repairs),
    }


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")
