"""The ledger keeps what the docs promise: fields, kinds, order, numbers, and every line before anybody is told."""

from __future__ import annotations

import contextlib
import io
import json
import math
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from bot.sim.types import Side
from bot.sim.venue import BrokerRules, FillModel, Ledger
from bot.sim.venue.ledger_lines import LINES
from tests.sim.venue.ledger_schema import trouble
from tests.sim.venue.test_venue_identity import RULES, Trader

PAGE = Path(__file__).resolve().parents[3] / "docs/gateway-ledger.md"
BY_THE_WIRE = {"connect", "disconnect", "place", "modify", "cancel", "global_cancel", "fault", "gateway_error"}
"""Kinds that whoever sees the message or fault records; the gateway's tests see them."""


def busy(make_bench: Callable, **terms):
    """A few days of random trading, with transfers, an exercise and an account that runs out of margin."""
    bench = make_bench(days=6, fills=FillModel(partial_probability=0.5), rules=RULES, **terms).open()
    bench.expiry = date(2018, 10, 17)
    trader = Trader(bench, 11)
    for day in bench.world.days[:3]:
        bench.world.settlements[day.day] = 2801.5
        bench.venue.advance(max(bench.venue.now, day.open_at + timedelta(minutes=30)))
        for _ in range(40):
            trader.act()
    office = bench.venue.back_office
    office.transfer(office.account("DU2"), bench.spy(), 5, bench.venue.now)
    (call,) = bench.venue.find(
        {"symbol": "SPY", "sec_type": "OPT", "expiry": "20181017", "strike": 270.0, "right": "C"}
    )
    office.transfer(office.account("DU2"), call, 1, bench.venue.now)
    office.move_cash(office.account("DU3"), bench.venue.account("DU3").net_liquidation, "withdrawal")
    bench.wait(60)
    bench.venue.advance(bench.world.days[4].open_at)
    return bench


def test_every_line_is_as_the_schema_says_and_every_kind_occurs(make_bench: Callable) -> None:
    """Required fields, types, null where it is allowed; a kind of the schema that nothing writes would be a lie."""
    bench = busy(make_bench, more_accounts={"DU2": 90_000.0, "DU3": 45_000.0})
    found = [(line["seq"], text) for line in bench.ledger.lines if (text := trouble(line))]
    assert found == []
    written = {line["kind"] for line in bench.ledger.lines}
    assert {rule.kind for rule in LINES} - BY_THE_WIRE == written
    assert [line["seq"] for line in bench.ledger.lines] == list(range(len(bench.ledger.lines)))
    monos = [line["mono"] for line in bench.ledger.lines]
    assert monos == sorted(monos)
    assert all(datetime.fromisoformat(line["at"]).utcoffset() is not None for line in bench.ledger.lines)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"quantity": 1.5}, "integer"),
        ({"side": "BOT"}, "one of"),
        ({"corrects": 5}, "string or null"),
        ({"price": None}, "number"),
        ({"contract": {}}, "has no con_id"),
        ({"kind": "fil"}, "not in the schema"),
    ],
)
def test_the_schema_refuses_what_is_wrong(bench, change, text) -> None:
    """The judge of the test above does find a wrong type, word, null and missing field."""
    bench.venue.place(bench.single(bench.option(2650.0, "P"), Side.BUY, None, order_type="MKT"))
    bench.wait()
    (fill,) = bench.kinds("fill")
    assert trouble(fill) == ""
    assert text in trouble({**fill, **change})
    assert "has no price" in trouble({name: value for name, value in fill.items() if name != "price"})


def test_a_line_is_in_the_file_before_the_call_returns(tmp_path) -> None:
    """Another reader sees it at once, as a whole line; unknown numbers are null, moments have their zone."""
    path = tmp_path / "ledger.jsonl"
    with Ledger(path) as ledger:
        at = datetime.fromisoformat("2018-10-15T12:00:00-04:00")
        ledger.write(at, "connect", {"client": 1, "reason": None})
        assert json.loads(path.read_bytes()) == {
            "seq": 0, "at": at.isoformat(), "mono": 0.0, "kind": "connect", "client": 1, "reason": None,
        }  # fmt: skip
        ledger.write(at + timedelta(seconds=2), "account", {"nlv": math.nan, "cash": math.inf, "day": at.date()})
        line = json.loads(path.read_bytes().splitlines()[1])
        assert (line["mono"], line["nlv"], line["cash"], line["day"]) == (2.0, None, None, "2018-10-15")


class FullDisk:
    """A file that takes three bytes of whatever is written."""

    def write(self, data: bytes) -> int:
        return 3


def test_a_ledger_that_cannot_be_written_stops_the_run(monkeypatch, tmp_path) -> None:
    """A full disk is an error, not a shorter ledger."""
    with Ledger(tmp_path / "ledger.jsonl") as ledger, monkeypatch.context() as patch:
        patch.setattr(ledger, "_file", FullDisk())
        with pytest.raises(OSError, match="disk is full"):
            ledger.write(datetime.fromisoformat("2018-10-15T12:00:00-04:00"), "connect", {})


def test_the_reader_in_the_docs_reads_a_ledger(make_bench: Callable, tmp_path, monkeypatch) -> None:
    """The page's example, run as it stands, finds the venue's own cash and positions."""
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    bench = make_bench(rules=BrokerRules()).open()
    legs = bench.condor()
    bench.venue.place(bench.bag(legs, bench.venue.bag_quote(legs)[1], 2))
    bench.wait()
    bench.wait()
    text = "".join(json.dumps(line) + "\n" for line in bench.ledger.lines)
    (tmp_path / "ledger.jsonl").write_text(text, "utf-8")
    monkeypatch.chdir(tmp_path)
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(compile(example, str(PAGE), "exec"), {})
    held = {line.spec.con_id: line.quantity for line in bench.venue.positions()}
    assert said.getvalue() == f"{bench.cash()} {held}\n"
