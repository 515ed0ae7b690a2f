"""Notes a plan: what is held, what needs nothing, whose contact is found, and whose document stands in Xero already."""

from tasks.connections.connection import Connection
from tasks.exporting.plan import Plan
from tasks.exporting.run import Tally
from tasks.exporting.sending import adopt, join


def record(connection: Connection, plan: Plan, run_id: str) -> Tally:
    """Note it, before anything is written. What bears our mark in Xero, or a person made, is taken into the ledger."""
    tally = Tally()
    tally.add("any", "newly held", connection.orders.hold(plan.held, run_id))
    for state, seen in plan.moves.items():
        connection.orders.move(seen, state, run_id)
    if plan.taxes:
        connection.orders.tell_taxes(plan.taxes)
    connection.contacts.link(plan.matches.items())
    if plan.joined:
        tally.settle(join(connection, plan.joined, run_id))
    if plan.found:
        tally.settle(adopt(connection, plan.found, run_id))
    return tally
