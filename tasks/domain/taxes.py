"""Amounts by tax type, as both sides of a reconciliation tell them."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from tasks.domain.money import plain

# Net, and the tax on it.
Amounts = tuple[Decimal, Decimal]
_json = msgspec.json.Encoder()
_parse = msgspec.json.Decoder(dict[str, tuple[str, str]])


def taxes_json(sums: Mapping[str, Amounts]) -> str:
    """JSON by tax type, `{"OUTPUT2":["100.00","20.00"]}`; empty where there is nothing to tell."""
    if not sums:
        return ""
    return _json.encode(
        {type_: (plain(net), plain(tax)) for type_, (net, tax) in sorted(sums.items())}
    ).decode()


def read_taxes(text: str | None) -> dict[str, Amounts]:
    """What `taxes_json` wrote."""
    told = _parse.decode(text) if text else {}
    return {type_: (Decimal(net), Decimal(tax)) for type_, (net, tax) in told.items()}
