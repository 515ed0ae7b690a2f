"""What a night found, in words: a sentence, counts, and the artifacts of the Prefect UI."""

from collections.abc import Iterable, Sequence

from tasks.domain.discrepancies import Life
from tasks.reconciling import summing
from tasks.reconciling.amounts import listed, shown
from tasks.reconciling.night import AMOUNTS, Night
from tasks.reconciling.rows import Row, rows
from tasks.reconciling.summing import AGES, STANDING

TABLE_ROWS = 1_000
KINDS, TOTALS_ROWS, GAPS = 15, 14, 3
_SAFE = {sign: f"\\{sign}" for sign in "\\`*_[]|"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


def sentence(night: Night) -> str:
    """The verdict, in one line. It says that all agree only if everything was read and nothing differs."""
    found = _found(night)
    if night.complete:
        return found[:1].upper() + found[1:]
    more = len(night.gaps) - GAPS
    gaps = " ".join(gap.rstrip(". ") + "." for gap in night.gaps[:GAPS])
    return f"Incomplete: {gaps} {f'And {more:,} more gaps. ' if more > 0 else ''}Of what was read: {found}"


def counts(night: Night) -> dict[str, int]:
    """How many discrepancies have each state of `Life`, how many `stand` (open and seen), and what was looked at."""
    states = night.discrepancies["state"].value_counts()
    lives = {life.value: int(states.get(life.value, 0)) for life in Life}
    return {
        "stand": sum(lives[life.value] for life in STANDING),
        **lives,
        "orders": night.orders,
        "documents": night.documents,
        "compared": night.compared,
        "matched": night.matched,
        "gaps": len(night.gaps),
    }


def facts(night: Night) -> dict[str, str]:
    """What was reconciled, when and how, by the name of each fact."""
    ways = {"none": "nothing is repaired", "safe": "safe repairs", "all": "all repairs that need no person"}
    how = ways[night.mode.value]
    return {
        "Connection": night.connection,
        "Organisation": night.organisation,
        "Window": night.window,
        "When": f"{night.began:%A} {night.began.day} {night.began:%B %Y, %H:%M} to {night.ended:%H:%M %Z}".strip(),
        "Mode": f"{how} (dry run: nothing was written)" if night.dry_run else how,
        "Orders": f"{night.orders:,}",
        "Documents": f"{night.documents:,}",
        "Pairs compared": f"{night.compared:,}",
        "Pairs that agree": f"{night.matched:,} ({summing.share(night)})",
        "Calls used": f"{night.calls:,} of {night.forecast:,} forecast",
        "Run": night.run_id,
    }


def aside(night: Night) -> str:
    """What became of the rest, in a line; "" if there is none."""
    counted = counts(night)
    words = {
        Life.repaired: "repaired",
        Life.gone: "gone (ended by people, or by other runs)",
        Life.accepted: "accepted",
    }
    said = [f"{counted[life.value]:,} {word}" for life, word in words.items() if counted[life.value]]
    return f"{', '.join(said)}." if said else ""


def markdown(night: Night) -> str:
    """The night as a Markdown page of some 40 rows: verdict, facts, kinds, and the control totals that differ."""
    parts = [
        f"**{_cell(sentence(night))}** {aside(night)}".strip(),
        _lines(("", ""), facts(night).items()),
        _kinds(night),
        _totals(night),
    ]
    return "\n\n".join(part for part in parts if part)


def table(night: Night) -> list[dict[str, str]]:
    """Rows for a table artifact: what stands, then what is accepted, then what ended; 1,000 at most, [] if none."""
    found: list[Row] = []
    for states in (STANDING, (Life.accepted,), (Life.repaired, Life.gone)):
        found += rows(night, night.standing(*states), TABLE_ROWS - len(found))
    return [_for_people(row) for row in found]


def _for_people(row: Row) -> dict[str, str]:
    return {
        "state": row.state,
        "kind": row.kind,
        "order": row.order,
        "document": row.document,
        "contact": row.contact,
        "date": row.date,
        "Monstock": row.ours,
        "Xero": row.theirs,
        "difference": f"{row.currency} {row.difference}" if row.difference else "",
        "age": row.old,
        "cause": row.cause,
        "repair": row.repair,
        "advice": row.advice,
        "id": row.id,
    }


def _found(night: Night) -> str:
    counted, over = counts(night), _over(night)
    if stand := counted["stand"]:
        noun = "discrepancy" if stand == 1 else "discrepancies"
        new = f"{counted['open']:,} new" if counted["open"] else "none new"
        difference = listed(summing.money(night))
        by = listed(summing.unexplained(night))
        beyond = f"; the control totals differ by {by} more than that explains" if by else ""
        none = "" if summing.unsized(night) else "; no amount differs"
        told = f"; difference {difference}" if difference else none
        return f"{stand:,} {noun} ({new}) over {over}{told}{beyond}."
    quarrel = _quarrel(night)
    if quarrel or not night.complete:
        accepted = f", but for {counted['accepted']:,} accepted," if counted["accepted"] else ""
        return f"no discrepancy stands{accepted} over {over}{quarrel}."
    return _agreed(night, counted["accepted"])


def _agreed(night: Night, accepted: int) -> str:
    """Nothing stands, and both sides were read whole."""
    but = f", but for {accepted:,} accepted" if accepted else ""
    if by := listed(summing.apart(night)):
        but += f"; what is known leaves the control totals apart by {by}"
    if not night.orders and not night.documents:
        return f"There were no orders and no documents to compare{but}."
    if night.orders == 1:
        return f"The one order and its documents agree{but}."
    return f"All {night.orders:,} orders and their documents agree{but}."


def _quarrel(night: Night) -> str:
    """What speaks against a night without discrepancies, beyond what is accepted or ended since."""
    said = ""
    if by := listed(summing.unexplained(night)):
        said = f", and yet the control totals differ by {by}"
    if alone := summing.alone(night):
        said += f", and yet {alone:,} of {night.compared:,} pairs do not agree in everything"
    return said


def _over(night: Night) -> str:
    orders = f"{night.orders:,} order{'' if night.orders == 1 else 's'}"
    return f"{orders} and {night.documents:,} document{'' if night.documents == 1 else 's'}"


def _kinds(night: Night) -> str:
    found = summing.by_kind(night)
    if not found:
        return ""
    head = ("kind", "new", *AGES, "all", "sizes")
    body = [(one.kind, one.new, *one.ages, one.count, listed(one.money)) for one in found]
    return _lines(head, body[:KINDS], len(body), numbers=slice(1, -1))


def _totals(night: Night) -> str:
    if night.totals.empty:
        return "There are no control totals."
    found = summing.differing(night)
    if found.empty:
        return f"The control totals agree in all {len(night.totals):,} rows."
    head = ("month", "currency", "kind", "tax type", *AMOUNTS)
    names = ["month", "currency", "kind", "tax_type", *(f"difference_{amount}" for amount in AMOUNTS)]
    body = [(*line[:4], *map(shown, line[4:])) for line in found[names].itertuples(index=False, name=None)]
    title = f"Control totals, Monstock less Xero: {len(body):,} of {len(night.totals):,} rows differ."
    return f"{title}\n\n{_lines(head, body[:TOTALS_ROWS], len(body), numbers=slice(4, None))}"


def _lines(
    head: Sequence[str], body: Iterable[Sequence[object]], count: int = 0, numbers: slice = slice(0, 0)
) -> str:
    """A Markdown table; it says so if there are more rows than it shows."""
    right = set(range(len(head))[numbers])
    rule = ["---:" if at in right else "---" for at in range(len(head))]
    cells = [[_cell(f"{one:,}" if isinstance(one, int) else str(one)) for one in line] for line in body]
    lines = ["| " + " | ".join(line) + " |" for line in [list(head), rule, *cells]]
    more = count - len(cells)
    return "\n".join(lines) + (f"\n\nAnd {more:,} more." if more > 0 else "")


def _cell(text: str) -> str:
    """Text that stays what it is within Markdown: no column, no tag, no line of its own."""
    escaped = (_SAFE.get(sign, sign) for sign in " ".join(text.split()))
    return "".join(escaped)
