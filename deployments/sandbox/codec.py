"""JSON in and out: numbers are Decimal both ways, never float."""

from decimal import Decimal
from typing import Any

import msgspec

Json = dict[str, Any]

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")


class NotJsonError(Exception):
    """The bytes are no JSON."""


def decode(data: bytes | str) -> Any:
    """The value in `data`, with Decimal for every number that has a fraction or an exponent."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotJsonError(str(error)) from error


def encode(value: Any) -> bytes:
    """`value` as JSON; a Decimal becomes a number with all of its digits."""
    return _encoder.encode(value)
