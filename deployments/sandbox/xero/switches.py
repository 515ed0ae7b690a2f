"""What is not known of Xero, as switches: an exporter must be safe with either answer."""

from typing import Any

SWITCHES: dict[str, tuple[Any, str]] = {
    "if_modified_since_inclusive": (True, "false: nothing from the named second itself is listed"),
    "negative_half_cent": ("away", "-0.125 rounds to -0.13 (away) or to -0.12 (up)"),
    "compound_tax": (
        "effective",
        "tax of compound rates by the EffectiveRate, or each component rounded (components)",
    ),
    "voided_number_is_freed": (False, "true: a voided or deleted invoice's number can be used again"),
    "bill_post_matches_number": (False, "true: POST of a bill updates the one with its number and contact"),
    "po_put_number_in_use": ("refuse", "PUT of a purchase order number in use: refuse, or update that order"),
    "po_transitions": (
        "lenient",
        "purchase order status changes: only known refusals, or a strict table (strict)",
    ),
    "payment_moves_invoice": (True, "false: a payment leaves the invoice's UpdatedDateUTC as it was"),
    "payment_sends_event": (
        True,
        "false: no event of a document when a payment or credit comes to it or goes",
    ),
    "deleted_payments_shown": (True, "false: GET /Payments leaves deleted ones out"),
    "unknown_id_in_body": (
        "404",
        "an unknown id in a body: 404 for the whole request, or an element's error (element)",
    ),
    "archived_name_refused": (True, "false: a name that only an archived contact bears can be created again"),
    "error_text_key": ("Message", "the key of error texts: Message or Description"),
    "nested_errors_only": (False, "true: errors of lines and contacts stand only inside those"),
    "quiet_edits": (
        True,
        "due date and sent flag of a part-paid document leave UpdatedDateUTC; false: they move it",
    ),
    "localhost_only_redirect": (True, "false: 127.0.0.1 is a redirect address as well"),
    "rows_touched_limit": (100_000, "a GET that touches more rows is refused"),
}


def defaults() -> dict[str, Any]:
    """Every switch with its default."""
    return {name: default for name, (default, _) in SWITCHES.items()}
