"""State on disk, the demo's data, and the command line."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from deployments.sandbox.monstock.totals import totals
from deployments.sandbox.server import Sandbox, running
from tests.sandbox.api import Api, invoice


def orders(sandbox: Sandbox, kind: str = "customer") -> list[dict[str, Any]]:
    with httpx.Client(base_url=sandbox.monstock_url, trust_env=False, verify=False) as client:
        client.headers["authorization"] = "Bearer sandbox-key"
        return list(client.get(f"/{kind}-orders", params={"limit": 250}).json()["data"])


def test_state_outlives_the_process_and_is_seeded_once(tmp_path: Path) -> None:
    with running(tmp_path, seed=True) as sandbox:
        first = orders(sandbox)
        sandbox.edit("cancel", on="monstock", id=first[0]["id"])
        api = Api(sandbox)
        api.put("Invoices", invoice(api.contact("New Ltd"), "A-1"))
        api.http.close()
    with running(tmp_path, seed=True) as sandbox:
        again = {order["id"]: order for order in orders(sandbox)}
        assert len(again) == len(first)
        assert again[first[0]["id"]]["status"] == "cancelled"
        api = Api(sandbox)
        assert len(api.list("Invoices")) == 2
        api.http.close()


def test_the_demo_has_what_a_person_would_meet() -> None:
    with running(seed=True) as sandbox:
        sales, purchases = orders(sandbox), orders(sandbox, "supplier")
        api = Api(sandbox)
        [by_hand] = api.list("Invoices", page=1)
        api.http.close()
    assert (len(sales), len(purchases)) == (240, 60)
    names = {order["contact"]["id"]: order["contact"]["name"] for order in sales}
    assert (len(names), len(set(names.values()))) == (40, 39)
    assert Counter(order["status"] for order in sales)["on_hold"] == 1
    assert {order["currency"] for order in sales} == {"GBP", "EUR", "CHF"}
    rates = Counter(line["taxRate"] for order in sales for line in order["lines"])
    assert rates["17.5"] == 1
    assert set(rates) == {"20", "5", "0", "17.5"}
    off = sorted(
        Decimal(order["totals"]["gross"]) - Decimal(totals(order)["gross"])
        for order in sales
        if order["totals"] != totals(order)
    )
    assert off[-1] == Decimal("1.00")
    assert Decimal("0.01") in off
    assert max(len(line["name"]) for order in sales for line in order["lines"]) > 4000
    assert sum("discountPercent" in line for order in purchases for line in order["lines"]) == 1
    [same] = [order for order in sales if order["reference"] == by_hand["Reference"]]
    assert Decimal(str(by_hand["Total"])) == Decimal(same["totals"]["gross"])
    assert by_hand["Contact"]["Name"] == same["contact"]["name"]


def test_the_demo_is_the_same_each_time() -> None:
    def bare(found: list[dict[str, Any]]) -> list[Any]:
        return [(order["id"], order["lines"], order["totals"]) for order in found]

    with running(seed=True) as one, running(seed=True) as two:
        assert bare(orders(one)) == bare(orders(two))


def _free() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_the_command_starts_fast_and_stops_cleanly(tmp_path: Path) -> None:
    ports = _free(), _free()
    command = [sys.executable, "-m", "deployments.sandbox", "--state", str(tmp_path), "--no-limits"]
    command += ["--monstock-port", str(ports[0]), "--xero-port", str(ports[1])]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        for port in ports:
            deadline = time.monotonic() + 15
            while True:
                try:
                    answer = httpx.get(f"http://127.0.0.1:{port}/sandbox/state", trust_env=False)
                    break
                except httpx.TransportError:
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
            assert answer.json()["documents"]
    finally:
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=10)
    assert (process.returncode, out) == (0, b"")
