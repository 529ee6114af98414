"""The view: a pure function of a look, in step with the engine's own numbers, honest about what is not known."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot.engine.permit import risk_view
from bot.engine.state import State
from bot.web.gathered import Gathered, Look
from bot.web.view.bar import due, session
from bot.web.view.gate import full_pct
from bot.web.view.log import blind_spans, lines
from bot.web.view.view import view_of
from risk.utilisation import Use, utilisation
from strategies.domain.control import Latch, LinkState, TradingState
from strategies.domain.known import Unknown
from strategies.signals.live import Feed
from tests.web.asgi import COOKIE, Desk
from tests.web.played import morning


@pytest.fixture(scope="module", autouse=True)
def played() -> None:
    """The morning is played before any test's own loop runs."""
    morning()


def held() -> dict[str, Any]:
    return view_of(morning()["held"])


@pytest.mark.parametrize("name", ["working", "held", "blind", "killed"])
def test_a_view_is_pure_and_plain(name: str) -> None:
    """The same look gives the same view, the look stays as it was, and all of it is finite JSON."""
    look = morning()[name]
    before = msgspec.json.encode(look.state)
    first, second = view_of(look), view_of(look)
    assert first == second
    assert msgspec.json.encode(look.state) == before
    assert json.loads(json.dumps(first, allow_nan=False)) == first


def test_a_condor_is_drawn_with_its_own_money() -> None:
    """At expiry the credit between the shorts and the worst loss beyond the wings; today's line passes through the
    result at mid where spot is."""
    (card,) = [c for c in held()["condors"] if c["units"]]
    payoff = card["payoff"]
    credit_usd = card["credit_points"] * card["units"] * 100
    assert max(payoff["expiry_usd"]) == pytest.approx(credit_usd, abs=1.0)
    assert min(payoff["expiry_usd"]) == pytest.approx(-card["max_loss_usd"], abs=1.0)
    low, short_put, short_call, high = card["strikes_points"]
    assert low < card["break_evens_points"][0] < short_put < card["spot_points"] < short_call
    assert short_call < card["break_evens_points"][1] < high
    near = min(range(len(payoff["spot_points"])), key=lambda i: abs(payoff["spot_points"][i] - card["spot_points"]))
    assert payoff["now_usd"][near] == pytest.approx(card["profit_usd"], abs=40.0)
    assert card["vega_usd"] < 0.0 < card["theta_usd"]
    assert payoff["vol_up_usd"][near] < payoff["now_usd"][near]
    for strike in card["strikes_points"]:
        assert strike in payoff["spot_points"]


def test_a_condor_not_yet_sold_is_drawn_at_what_its_order_asks_for() -> None:
    """The wanted units at the working limit; no result is claimed."""
    view = view_of(morning()["working"])
    order = next(o for o in view["orders"] if o["live"] and o["purpose"] == "entry")
    (card,) = [c for c in view["condors"] if c["state"] == "entry_working"]
    assert (card["units"], card["credit_points"], card["profit_usd"]) == (0, None, None)
    assert card["asked_points"] == -order["limit_points"] > 0.0
    assert max(card["payoff"]["expiry_usd"]) == pytest.approx(
        card["asked_points"] * card["units_wanted"] * 100, abs=1.0
    )


def test_the_lattice_shows_what_the_book_holds_and_net_vega_adds_up() -> None:
    """Four, four and two cells; the held ones name contract and cost; condors and hedge add up to the net figure."""
    lattice = held()["lattice"]
    assert [len(layer["slots"]) for layer in lattice["layers"]] == [4, 4, 2]
    cells = [slot for layer in lattice["layers"] for slot in layer["slots"]]
    active = [slot for slot in cells if slot["held"]]
    assert active
    state = morning()["held"].state
    for slot in active:
        assert slot["cost_usd"] == pytest.approx(
            sum(h["quantity"] * h["price_points"] * 100 for h in slot["held"]), abs=1.0
        )
        assert slot["state"] == state.slots[slot["number"]].state.value
    vega = lattice["vega"]
    assert vega["low_n"] < vega["high_n"]
    parts = vega["condors_usd_per_vix_point"] + vega["hedge_usd_per_vix_point"]
    assert vega["net_usd_per_vix_point"] == pytest.approx(parts, abs=1.0)
    assert vega["condors_n"] < vega["net_n"] < 0.0
    assert sum(s["usd_per_vix_point"] for s in active) == pytest.approx(
        vega["hedge_usd_per_vix_point"], abs=len(active)
    )


def test_a_slot_names_what_it_holds_before_anything_can_be_valued() -> None:
    """Without signals (before the open, after a start) the book still knows the contracts; worth stays unknown."""
    look = morning()["held"]
    desk = msgspec.structs.replace(look.state.desk, feed=Feed())
    view = view_of(look._replace(state=msgspec.structs.replace(look.state, desk=desk)))["lattice"]
    named = [slot for layer in view["layers"] for slot in layer["slots"] if slot["held"]]
    assert [s["number"] for s in named] == [
        s["number"] for layer in held()["lattice"]["layers"] for s in layer["slots"] if s["held"]
    ]
    assert all(slot["value_usd"] is None and "VIX" in slot["held"][0]["contract"] for slot in named)
    assert (view["vega"], view["unknown"]) == (None, "no signals yet")


def test_the_book_ahead_is_zero_now_and_the_hedge_pays_when_vix_rises() -> None:
    """Unmoved and at once nothing is gained; with VIX eight points up the hedge brings the same at every level of SPX;
    time earns for the condors; what they stand at is what their cards say."""
    view = held()
    book = view["book"]
    assert book["unknown"] == ""
    middle = book["levels_points"].index(pytest.approx(book["spot_points"], abs=0.06))
    cases = {(case["days"], case["vix_points"]): case for case in book["cases"]}
    assert cases[0.0, None]["condors_usd"][middle] == cases[0.0, None]["whole_usd"][middle] == 0.0
    up = cases[10.0, 8.0]
    brought = [whole - alone for whole, alone in zip(up["whole_usd"], up["condors_usd"], strict=True)]
    assert min(brought) > 0.0
    assert max(brought) - min(brought) <= 2.0
    assert up["condors_usd"][middle] < 0.0 < cases[10.0, None]["condors_usd"][middle]
    assert book["condors_now_usd"] == pytest.approx(sum(c["profit_usd"] or 0.0 for c in view["condors"]), abs=5.0)


def test_what_cannot_be_valued_has_no_book_ahead() -> None:
    """Blind, no leg has a mark: it says which condor, and draws nothing. Without a condor there is nothing to ask."""
    blind = view_of(morning()["blind"])["book"]
    assert "without a mark" in blind["unknown"]
    assert blind["cases"] == []
    assert view_of(morning()["working"])["book"]["unknown"] == "no condor is open"


def test_fees_of_the_day_are_counted() -> None:
    """Commissions are told by execution and revision, fills are kept by execution: they find each other."""
    view = held()
    assert view["money"]["commissions_today_usd"] > 0.0
    assert all(fill["commission_usd"] is not None for fill in view["fills"])


def test_caps_are_the_gates_own() -> None:
    """Every cap with the gate's figure, none left out, in its order."""
    look = morning()["held"]
    parameters = look.state.parameters
    assert parameters is not None
    uses = utilisation(risk_view(look.state, Unknown("not asked")), parameters.limits)
    caps = view_of(look)["caps"]
    assert [(c["code"], c["name"], c["cap"]) for c in caps] == [(u.code, u.name, u.cap) for u in uses]
    for cap, use in zip(caps, uses, strict=True):
        assert cap["used"] == pytest.approx(use.used, abs=0.006)


def test_how_full_a_cap_is() -> None:
    """A ceiling fills up, a floor fills as the figure falls to it; unknown stays unknown and is never an empty bar."""
    assert full_pct(Use("C", "x", 1.5, 3.0, "%")) == 50.0
    assert full_pct(Use("C", "x", -1.0, 3.0, "%")) == 0.0
    assert full_pct(Use("C", "x", 40.0, 20.0, "%", floor=True)) == 50.0
    assert full_pct(Use("C", "x", 10.0, 20.0, "%", floor=True)) == 200.0
    assert full_pct(Use("C", "x", 0.0, 20.0, "%", floor=True)) is None
    assert full_pct(Use("C", "x", None, 3.0, "%")) is None


def test_a_blind_bot_claims_nothing_it_cannot_know() -> None:
    """Without a link the bar says so, prices are None or carry their age, and the stretch is on the fault line."""
    look = morning()["blind"]
    view = view_of(look)
    assert view["bar"]["blind"]
    assert view["bar"]["state"] == "active"
    (card,) = [c for c in view["condors"] if c["units"]]
    assert card["profit_usd"] is None
    assert card["payoff"]["now_usd"] is None
    assert card["delta_usd"] is None
    assert card["payoff"]["expiry_usd"]
    later = view_of(look._replace(at=look.at + timedelta(minutes=10)))["lattice"]  # beyond the age of a mark
    assert later["vega"]["net_n"] is None
    assert later["unknown"]
    assert view["market"]["spx"]["age_s"] > 60.0
    assert view["blind"][-1]["to"] is None
    assert view["blind"][-1]["seconds"] > 60.0


def test_a_kill_is_shown_with_who_why_and_whether_it_is_proven() -> None:
    """HALTED, the latch, what goes on, and UNVERIFIED until the broker has shown that nothing works."""
    look = morning()["killed"]
    bar = view_of(look)["bar"]
    assert bar["state"] == "halted"
    assert bar["latches"][0]["cause"] == "kill"
    assert bar["goes_on"] == "cancels only, no exits"
    assert bar["proof"].startswith("UNVERIFIED")
    now = look.at + timedelta(seconds=60)
    proven = msgspec.structs.replace(look.state, snapshot_at=now, open_at_broker=0, now=now)
    assert view_of(look._replace(state=proven, at=now))["bar"]["proof"] == "VERIFIED: no working orders"


def test_states_of_trading_are_told_apart() -> None:
    """REDUCING and paused say what still runs."""
    look = morning()["held"]
    latch = Latch("daily_loss", TradingState.REDUCING, look.at, "limits", "day's loss")
    control = msgspec.structs.replace(look.state.control, latches=(latch,))
    reducing = view_of(look._replace(state=msgspec.structs.replace(look.state, control=control)))["bar"]
    assert (reducing["state"], reducing["goes_on"]) == ("reducing", "no new risk; exits go on")
    control = msgspec.structs.replace(look.state.control, paused=True)
    paused = view_of(look._replace(state=msgspec.structs.replace(look.state, control=control)))["bar"]
    assert (paused["state"], paused["paused"]) == ("active", True)
    assert "no new condors" in paused["goes_on"]


def test_the_day_is_told_in_new_york_time() -> None:
    """Open with the time left, before the open, after the close, and closed with the next session."""
    look = morning()["held"]
    state = look.state
    day = state.calendar.current(look.at)
    assert day is not None
    assert "closes 16:15" in session(state, look.at)["text"]
    assert session(state, day.open_at - timedelta(hours=1))["text"] == "before opens 09:30 in 1h00"
    assert session(state, day.close_at + timedelta(hours=1))["phase"] == "after"
    assert session(state, day.open_at - timedelta(days=1))["text"] == "closed; next session Mon 02 Mar"
    assert due(state, day.open_at - timedelta(hours=1))[0] == {"at": "09:30", "text": "options open"}
    assert due(state, day.close_at + timedelta(hours=1)) == [{"at": "Tue 09:30", "text": "options open"}]


def test_an_empty_state_has_a_view() -> None:
    """Before the first run nothing is known, and nothing breaks."""
    look = Look(State(), morning()["held"].at, (), (), (), {}, 0, 1, 0.0)
    view = view_of(look)
    assert view["condors"] == view["caps"] == view["orders"] == []
    assert view["bar"]["account"] is None
    assert view["money"]["net_liquidation_usd"] is None
    assert view["market"]["regime"] == "unknown"


def test_every_kind_of_line_has_words() -> None:
    """Decisions, verdicts, moves, fills, commands and alerts: a tone, a rule, a sentence, and what was compared."""
    look = morning()["killed"]
    told = lines(look.entries, look.state.market.instruments)
    assert {line["kind"] for line in told} == {"decision", "verdict", "move", "fill", "command", "alert"}
    assert all(line["text"] and line["tone"] in ("acted", "held", "refused", "fault", "fact") for line in told)
    assert [line["number"] for line in told] == sorted(line["number"] for line in told)
    assert any(line["kind"] == "fill" and "SPXW 2026-04" in line["text"] for line in told)
    approved = next(line for line in told if line["kind"] == "verdict" and line["verdict"] == "approved")
    assert approved["detail"]["checks"] > 10
    json.dumps(told, allow_nan=False)


def test_blind_stretches_begin_with_the_first_trouble_and_end_with_the_link() -> None:
    """Dialling and syncing in between belong to the same stretch."""
    look = morning()["killed"]
    spans = blind_spans(look.links, look.at)
    assert [span["to"] is None for span in spans] == [False] * len(spans)
    assert spans[-1]["seconds"] >= 150.0
    states = [seen.state for seen in look.links]
    assert states.count(LinkState.UP) == 2
    assert len(states) > 2 * len(spans)


async def test_hostile_texts_are_harmless_in_the_page_and_the_account_is_masked(tmp_path: Path) -> None:
    """A broker's error text with markup is text; account ids are masked in page, view and stream."""
    look = morning()["blind"]
    hostile = "<script>alert(1)</script><img src=x onerror=alert(2)> DU1234567"
    link = msgspec.structs.replace(look.state.link, reason=hostile)
    latch = Latch("<b>", TradingState.HALTED, look.at, "<i>", hostile)
    control = msgspec.structs.replace(look.state.control, latches=(latch,))
    desk = Desk(tmp_path, _Fixed(look._replace(state=msgspec.structs.replace(look.state, link=link, control=control))))
    page = await desk.ask("GET", "/", COOKIE)
    assert page.status == 200
    assert b"<script>alert" not in page.body
    assert b"<img" not in page.body
    assert b"&lt;script&gt;alert(1)" in page.body
    for body in (page.body, (await desk.ask("GET", "/view.json", COOKIE)).body, desk.source.whole(None)):
        assert b"1234567" not in body
        assert b"DU***567" in body


async def test_a_state_that_cannot_be_drawn_leaves_page_and_kill_button(tmp_path: Path) -> None:
    """A bug in a view is told as a fault; the page is served without it and the kill works."""
    look = morning()["held"]
    desk = Desk(tmp_path, _Fixed(look._replace(at="not a time")))  # type: ignore[arg-type]
    assert (await desk.ask("GET", "/", COOKIE)).status == 200
    assert (await desk.ask("GET", "/view.json", COOKIE)).status == 503
    assert (await desk.ask("GET", "/metrics", COOKIE)).status == 200
    assert desk.troubles
    assert "cannot be drawn" in desk.troubles[0]
    assert (await desk.order("kill", {**COOKIE, "origin": "http://127.0.0.1:8787"})).status == 202


class _Fixed(Gathered):
    """Always the same look."""

    def __init__(self, look: Look) -> None:
        super().__init__(lambda: 0)
        self._look = look

    def look(self) -> Look:
        return self._look
