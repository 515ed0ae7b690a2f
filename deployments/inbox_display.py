"""The inbox in the terminal: a table of what is in trouble, and the story of one order or document."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from deployments.trail_rows import show_rows
from tasks.domain.outcomes import Cause, Finding
from tasks.ledger.items import Item, Subject, advice
from tasks.ledger.lookup import Named

MOMENT = "%Y-%m-%d %H:%M"


def show_items(
    console: Console, items: Sequence[Item], total: int, causes: Counter[str], *, skipped: bool
) -> None:
    """The counts by cause, a row for each finding, and what to do, once for each cause."""
    if not total:
        console.print("Nothing is skipped." if skipped else "The inbox is empty.")
        return
    counted = ", ".join(f"{cause} {count:,}" for cause, count in causes.most_common())
    where = "Skipped" if skipped else "In the inbox"
    console.print(f"{where}: {total:,} ({counted})", markup=False, highlight=False)
    console.print(_table(items, skipped=skipped))
    if len(items) < total:
        console.print(f"The oldest {len(items):,} are shown; --limit, --cause and --kind show others.")
    if skipped:
        console.print("`monstock-xero inbox retry` brings one back.")
        return
    for cause, what in {found.cause: advice(i.subject, found) for i in items for found in i.findings}.items():
        _line(console, cause, what)


def _table(items: Sequence[Item], *, skipped: bool) -> Table:
    several = len({item.connection for item in items}) > 1
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    if several:
        table.add_column("connection", overflow="fold", max_width=12)
    table.add_column("order, document", overflow="fold", min_width=13)
    table.add_column("contact", overflow="fold", max_width=16)
    table.add_column("why skipped" if skipped else "cause, and what was found", overflow="fold", ratio=1)
    table.add_column("since", justify="right", no_wrap=True)
    table.add_column("tries", justify="right", no_wrap=True)
    now = datetime.now(UTC)
    for item in items:
        what = Text(item.skipped or "") if skipped else _what(item)
        tries = f"{item.tries:,}" if item.tries or item.subject is Subject.order else ""
        names = [*([item.connection] if several else []), _called(item), item.contact]
        table.add_row(*map(Text, names), what, _age(item.since, now), tries)
    return table


def _called(item: Item) -> str:
    """Its name, and what it is, since an order's reference says only that it is an order."""
    if item.subject is Subject.document:
        return f"{item.name} ({item.kind})"
    if item.subject is Subject.link:
        return f"{item.name} (shown in Monstock)" if _only_not_shown(item) else f"{item.name} (its documents)"
    return item.name


def _only_not_shown(item: Item) -> bool:
    return all(found.cause is Cause.not_shown for found in item.findings)


def _what(item: Item) -> Text:
    """Each thing that was found, after its cause; what was found twice is said once."""
    counted = Counter((found.cause.value, _detail(item, found)) for found in item.findings)
    text = Text()
    for (cause, detail), count in counted.items():
        times = f" ({count} times)" if count > 1 else ""
        text.append("\n" if text else "").append(cause, "bold")
        text.append(f": {detail}{times}")
    return text if text else Text(item.state, "bold")


def _detail(item: Item, found: Finding) -> str:
    """Its own words; of a proposal, the orders and what speaks for them."""
    proposals = item.proposals if found.cause is Cause.proposed else ()
    return "; ".join(f"{one.reference}, {one.reason}" for one in proposals) or found.detail


def _age(since: datetime | None, now: datetime) -> str:
    """How long ago, in the largest unit that says it."""
    if since is None:
        return ""
    minutes = max(0, int((now - since).total_seconds())) // 60
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} d"


def show_story(console: Console, named: Named, told: Mapping[str, Any]) -> None:
    """Where it stands now, what belongs to it, what people decided, and its rows of the audit trail."""
    console.print(str(named)[0].upper() + str(named)[1:], style="bold", markup=False, highlight=False)
    of_order = named.subject is Subject.order
    for name, text in (_order_facts(told) if of_order else _document_facts(told)).items():
        _line(console, name, text)
    for found in told["findings"]:
        _line(console, found["cause"], f"{found['detail']} {found['advice']}")
    for one in told["documents"] if of_order else told["links"]:
        _line(console, "document" if of_order else "linked to", _linked(one))
    for one in told["matches"]:
        _line(console, one["state"], _matched(one))
    if of_order:
        _show_in_monstock(console, told["accounting"])
        for one in told["decisions"]:
            why = f": {one['reason']}" if one["reason"] else ""
            _line(
                console, "decided", f"{one['decision']} by {one['decided_by']}, {_at(one['decided_at'])}{why}"
            )
    rows = told["trail"]
    console.print(
        f"\nAudit trail, {len(rows):,} rows, the newest last" if rows else "\nAudit trail: no rows yet"
    )
    show_rows(console, rows)


def _order_facts(told: Mapping[str, Any]) -> dict[str, str]:
    amount = f"{told['net']} net, {told['gross']} gross, {told['currency']}" if told["net"] else ""
    return {
        "contact": told["contact_name"] or "",
        "date": str(told["order_date"] or ""),
        "amount": amount,
        **_three_ways(told),
        "state": f"{told['state']} since {_at(told['since'])}, {told['tries']:,} tries, run {told['run_id']}",
    }


def _three_ways(told: Mapping[str, Any]) -> dict[str, str]:
    """A supplier order's three amounts side by side, once it was billed."""
    billed = (told["accounting"] or {}).get("billed")
    if billed is None:
        return {}
    received = told["received"] if told["received"] is not None else "not tracked"
    said = f"ordered {told['net']}, received {received}, billed {billed} {told['currency']} net"
    return {"three-way match": said}


def _document_facts(told: Mapping[str, Any]) -> dict[str, str]:
    since = f" since {_at(told['since'])}" if told["since"] else ""
    return {
        "contact": told["contact_name"] or "",
        "date": str(told["date"] or ""),
        "in Xero": f"{told['status']}{_amounts(told)}",
        "stands": f"{told['standing'] or 'not looked at yet'}{since}",
        "skipped": told["skipped"] or "",
    }


def _linked(link: Mapping[str, Any]) -> str:
    """An order's document, or a document's order."""
    if "order" in link:
        return f"{link['kind']} order {link['order']} ({link['origin']}, {_at(link['updated_at'])})"
    seen = link["seen"]
    now = f"{seen['status']}{_amounts(seen)}" if seen else f"{link['status']}, total {link['total']}"
    number = link["document_number"] or link["document_id"]
    return (
        f"{link['document_type'].replace('_', ' ')} {number}: {now} ({link['origin']}, {link['document_id']})"
    )


def _matched(match: Mapping[str, Any]) -> str:
    seen = match.get("seen")
    what = f"{match['kind']} order {match['order']}" if "order" in match else match["document_id"]
    if seen:
        what = f"{seen['type']} {seen['number'] or match['document_id']} ({seen['status']}{_amounts(seen)})"
    by = f", by {match['decided_by']}" if match["decided_by"] else ""
    return f"{what}: {match['reason']} ({_at(match['since'])}{by})"


def _amounts(seen: Mapping[str, Any]) -> str:
    named = {name: seen[name] for name in ("total", "paid", "credited", "due") if seen[name] is not None}
    text = "".join(f", {name} {value}" for name, value in named.items())
    return f"{text} {seen['currency']}" if named else ""


def _show_in_monstock(console: Console, shown: Mapping[str, Any] | None) -> None:
    if shown is None:
        return
    said = ", ".join(f"{name} {value}" for name, value in (shown["shown"] or {}).items()) or "nothing"
    due = ", to be written again" if shown["due"] else ""
    _line(console, "in Monstock", f"{said} (since {_at(shown['since'])}, {shown['tries']:,} tries{due})")
    if shown["failed"]:
        _line(console, "not shown", shown["failed"])
    for found in shown["findings"]:
        _line(console, found["cause"], f"{found['detail']} {found['advice']}")
    _line(console, "skipped", shown["skipped"] or "")


def _line(console: Console, name: str, text: str) -> None:
    """A fact under its name; a long one goes on beneath itself."""
    if text:
        table = Table.grid(padding=(0, 1))
        table.add_column(width=20, overflow="fold")
        table.add_column(overflow="fold")
        table.add_row(escape(name), escape(text))
        console.print(Padding(table, (0, 0, 0, 2)))


def _at(moment: datetime) -> str:
    return f"{moment:{MOMENT}}"
