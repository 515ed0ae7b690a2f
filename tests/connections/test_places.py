"""A setting's line in the file is found from its place."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.connections.places import line_of

TEXT = """\
# connections.a.prefix = "not this one"
[connections.a]      # the first
prefix = "A-"
order_url = "https://m.example/{id}?a=[b]"

[connections.a.customer.accounts]
"Energy saving" = "200"
'Food.Fresh' = "201"

[[connections.a.taxes]]
rate = 20

[[connections.a.taxes]]
rate = 5
type = "RR"

  [ connections . "b-2" . monstock ]
  url = "x"
  api_key = { env = "KEY" }
xero.tenant_id = "t"
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("connections a", 2),
        ("connections a prefix", 3),
        ("connections a order_url", 4),
        ("connections a missing", 2),
        ("connections a customer accounts", 6),
        ("connections a customer accounts Food.Fresh", 8),
        ("connections a taxes 0 rate", 11),
        ("connections a taxes 1 rate", 14),
        ("connections a taxes 1 country", 13),
        ("connections a taxes 2", 2),
        ("connections b-2 monstock", 17),
        ("connections b-2 monstock api_key env", 19),
        ("connections b-2 monstock xero tenant_id", 20),
        ("nothing", None),
        ("", None),
    ],
)
def test_the_deepest_part_that_stands_in_the_text(path: str, line: int | None) -> None:
    assert line_of(TEXT, [int(part) if part.isdigit() else part for part in path.split()]) == line


def test_keys_may_contain_spaces() -> None:
    assert line_of(TEXT, ["connections", "a", "customer", "accounts", "Energy saving"]) == 7


def test_a_list_over_several_lines_is_no_table() -> None:
    text = '[a]\nlist = [\n  ["b"],\n  ["c"],\n]\nd = 1\n'
    assert tomllib.loads(text)["a"]["d"] == 1
    assert line_of(text, ["a", "d"]) == 6


@given(st.text(), st.lists(st.text() | st.integers(), max_size=3))
def test_no_text_is_too_odd(text: str, path: list[str | int]) -> None:
    found = line_of(text, path)
    assert found is None or 1 <= found <= len(text.splitlines())
