"""Every check of the gate, seen failing alone and seen passing with its numbers recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from risk import gate
from risk.checks import CHECKS
from risk.halt import CONSEQUENCES, consequence_of
from risk.limits import Use
from risk.result import Consequence, Verdict
from risk.view import Holding
from risk.watch import Attestation, Levels
from strategies.domain.account import MarginImpact
from strategies.domain.control import Control, Latch, LinkState, TradingState
from strategies.domain.hedge import HEDGE_OWNER
from strategies.domain.instruments import Right
from strategies.domain.known import Unknown
from strategies.domain.market import DataType, Market
from strategies.domain.marks import BrokerModel
from strategies.domain.orders import Action, LegIntent, OrderState, PlaceIntent
from strategies.pricing.single import vega
from tests.risk.sample import (
    EPOCH,
    EXPIRIES,
    GOOD_HOST,
    NLV,
    NOW,
    SPX,
    VIX,
    WINGS,
    World,
    close,
    con_id,
    condor_legs,
    entry,
    net_mid,
    on_grid,
    option,
    quote,
    record,
    session,
)

Spoilt = tuple[World, PlaceIntent]
ABOUT_CONDORS = [check for check in CHECKS if Use.CONDOR in check.uses and check.during is None]
LEG = option(EXPIRIES[1], WINGS[1], Right.PUT)


def with_limits(**caps: Any) -> World:
    """The good world under other caps."""
    world = World()
    return replace(world, limits=msgspec.structs.replace(world.limits, **caps))


def with_quote(**changes: Any) -> World:
    """The good world with one leg's quote changed."""
    world = World()
    return replace(world, quotes={**world.quotes, LEG.con_id: quote(LEG, **changes)})


def last_day() -> Spoilt:
    """The legs trade for the last time today."""
    view = World().view()
    today = {
        leg.con_id: msgspec.structs.replace(view.market.option(leg.con_id), last_trade_at=NOW.replace(hour=16))
        for leg in entry().legs
    }
    market = msgspec.structs.replace(view.market, instruments={**view.market.instruments, **today})
    return World().with_(market=market), entry()


def uncovering() -> Spoilt:
    """A working order may sell a put beside the condor that is to grow; the account is large."""
    wing = (LegIntent(con_id(EXPIRIES[1], 5000.0, Right.PUT), 1, Action.SELL),)
    selling = entry(ref="ic-1/odd/1", chain_ref="ic-1/odd", legs=wing, limit_points=20.0)
    rich = 100 * NLV
    world = World(
        account={"net_liquidation_usd": rich, "excess_liquidity_usd": 0.9 * rich}, orders=(record(selling),)
    ).having("ic-1", condor_legs(EXPIRIES[1], WINGS), 1, -14.0)
    return world.with_(day_start_nlv_usd=rich, week_start_nlv_usd=rich, high_water_usd=rich), entry()


def put_spread_only() -> Spoilt:
    """Half a condor."""
    legs = condor_legs(EXPIRIES[1], WINGS)[:2]
    limit = on_grid(net_mid(legs))
    loss = 5000.0 + 100.0 * limit
    return World(impact=MarginImpact(9000.0, 9000.0, NLV, loss)), entry(legs=legs, limit_points=limit)


def synthetic() -> Spoilt:
    """Another condor of the expiry is short the call at the strike of our long put."""
    legs = condor_legs(EXPIRIES[1], (5000.0, 5050.0, 5100.0, 5150.0))
    return with_limits(condors_per_expiry=2).having("ic-2", legs, 1, -40.0), entry()


def two_at_once() -> Spoilt:
    """Two orders were approved half a second ago."""
    rows = [record(entry(f"ic-{n}", EXPIRIES[0]), OrderState.CANCELED, ago_s=0.5) for n in (7, 8)]
    return World(orders=tuple(rows)), entry()


def approved_elsewhere() -> Spoilt:
    """The same order went out half a minute ago from another chain and was cancelled."""
    old = entry(ref="ic-1/other/1", chain_ref="ic-1/other")
    return World(orders=(record(old, OrderState.CANCELED, ago_s=30.0),)), entry()


def two_others() -> Spoilt:
    """Two condors are open and two are allowed."""
    world = with_limits(open_condors=2)
    for name, expiry in (("ic-a", EXPIRIES[0]), ("ic-b", EXPIRIES[2])):
        world = world.having(name, condor_legs(expiry, WINGS), 1, -12.0)
    return world, entry()


def stale_vix() -> Spoilt:
    """VIX stopped five minutes ago."""
    world = World()
    old = msgspec.structs.replace(world.quotes[VIX], at=NOW - timedelta(minutes=5))
    return replace(world, quotes={**world.quotes, VIX: old}), entry()


def with_watch(**changes: Any) -> World:
    """The good world with other memories."""
    return World().with_(watch=msgspec.structs.replace(World().view().watch, **changes))


def with_models(share: float, legs: int = 4) -> World:
    """The broker's vega of the first legs as a share of ours."""
    world = World()
    models = {}
    for leg in entry().legs[:legs]:
        mark, option = world.marks[leg.con_id], world.view().market.option(leg.con_id)
        assert option is not None
        ours = vega(mark.forward_points, option.strike, mark.iv, mark.tau_years, mark.discount)
        assert ours is not None
        models[leg.con_id] = BrokerModel(leg.con_id, mark.iv, ours * share)
    return world.with_(models=models)


def with_guards(**changes: Any) -> World:
    """The good world under other caps of the slow controls."""
    return with_limits(guards=msgspec.structs.replace(World().limits.guards, **changes))


def spot_elsewhere() -> Spoilt:
    """SPX stands two and a half percent below the forward of its options, and has for minutes."""
    world = World()
    moved = msgspec.structs.replace(world.quotes[SPX], last=5365.0, close=5365.0)
    watch = msgspec.structs.replace(
        world.view().watch, levels=(Levels(NOW - timedelta(seconds=5), 5365.0, 16.5, -1.0),)
    )
    return replace(world, quotes={**world.quotes, SPX: moved}).with_(watch=watch), entry()


def with_host(**changes: Any) -> Spoilt:
    """The good world on a host in trouble."""
    return with_watch(host=msgspec.structs.replace(GOOD_HOST, **changes)), entry()


def opened_thrice() -> Spoilt:
    """Three condors of these very legs were filled today, more than an hour ago."""
    rows = []
    for number in range(3):
        filled = {leg.con_id: leg.action.sign for leg in entry().legs}
        rows.append(record(entry(f"ic-{number + 20}"), OrderState.FILLED, ago_s=3700.0 + number, filled_by_leg=filled))
    return World(orders=tuple(rows)), entry()


def other_side() -> Spoilt:
    """An order of the hedge works on the other side of the short put."""
    legs = (LegIntent(con_id(EXPIRIES[1], WINGS[1], Right.PUT), 1, Action.BUY, 1),)
    return World(orders=(record(entry(HEDGE_OWNER, legs=legs, limit_points=20.0)),)), entry()


def in_maintenance() -> Spoilt:
    """Today's window of the broker begins in five minutes."""
    guards = msgspec.structs.replace(World().limits.guards, maintenance_windows=("MON 11:05-11:30",))
    return with_limits(guards=guards), entry()


SPOILT: dict[str, Callable[[], Spoilt]] = {
    "C17": lambda: (with_limits(vega_over_short=0.05), entry()),
    "C41": lambda: (World().with_(kill_file=True), entry()),
    "C45": lambda: (World().with_(accounts=("DU1234567", "DU7654321")), entry()),
    "C01": lambda: (World(), entry(ref="two words")),
    "C13": lambda: (World(), entry(quantity=0)),
    "C02": lambda: (World(), entry(legs=(*entry().legs[:3], LegIntent(999_999, 1, Action.BUY)))),
    "C38": lambda: (World().with_(link=LinkState.DEGRADED), entry()),
    "C42": lambda: (World().with_(control=Control(paused=True)), entry()),
    "C29": lambda: (World(orders=(record(entry("ic-2", EXPIRIES[0]), OrderState.UNKNOWN),)), entry()),
    "C30": lambda: (World(broker=None), entry()),
    "C33": lambda: (with_limits(no_open_first_min=120.0), entry()),
    "C34": lambda: (World(sessions=(session(NOW.date(), early_close=True),)), entry()),
    "C35": last_day,
    "C36": stale_vix,
    "C16": lambda: (with_quote(data_type=DataType.DELAYED), entry()),
    "C14": lambda: (with_quote(at=NOW - timedelta(seconds=4)), entry()),
    "C15": lambda: (with_quote(bid=0.8 * (quote(LEG).mid or 0), ask=1.2 * (quote(LEG).mid or 0)), entry()),
    "C15-J": lambda: (with_watch(levels=(Levels(NOW - timedelta(seconds=20), 5530.0, 16.5, -1.0),)), entry()),
    "C15-F": spot_elsewhere,
    "C15-N": lambda: (with_watch(refused_quotes=(NOW - timedelta(seconds=59),) * 10), entry()),
    "C52": lambda: (with_models(1.5), entry()),
    "C55": lambda: (with_quote(ask_size=0, bid_size=0), entry()),
    "C54": lambda: (with_watch(heard_at=NOW - timedelta(days=7)), entry()),
    "C17-D": lambda: (with_guards(delta_per_condor=0.02), entry(wings=(5100.0, 5150.0, 5600.0, 5650.0))),
    "C27": approved_elsewhere,
    "C24": two_at_once,
    "C25": lambda: (World(), entry(attempt=12)),
    "C03": lambda: (
        replace(with_limits(order_quantity_condors=1), impact=MarginImpact(9000.0, 9000.0, NLV, 8000.0)),
        entry(quantity=2),
    ),
    "C10": put_spread_only,
    "C09": uncovering,
    "K-DEF-2": synthetic,
    "C12": lambda: (World(), entry(limit_points=entry().limit_points + 0.02)),
    "C11": lambda: (World(), entry(limit_points=on_grid(0.8 * entry().limit_points))),
    "C05": two_others,
    "C04": lambda: (with_limits(order_loss_pct=0.5), entry()),
    "C06": lambda: (with_limits(condor_loss_soft_pct=0.5, condor_loss_hard_pct=0.5), entry()),
    "C07": lambda: (with_limits(all_condors_loss_soft_pct=0.5), entry()),
    "K-SIZE-5": lambda: (with_limits(crash_loss_pct=0.1), entry()),
    "C18": lambda: (with_limits(stress_loss_pct=0.1), entry()),
    "C20": lambda: (World(account={"excess_liquidity_usd": 0.405 * NLV}), entry()),
    "C21": lambda: (World(account={"net_liquidation_usd": 0.975 * NLV}), entry()),
    "K-SIZE-6": lambda: (World().with_(week_start_nlv_usd=NLV / 0.95), entry()),
    "C22": lambda: (World().with_(high_water_usd=NLV / 0.93), entry()),
    "C53": lambda: (with_watch(attestation=Attestation(NOW.date(), NOW, ("cash moved",))), entry()),
    "C44": lambda: with_host(clock_step_ms=-2500.0),
    "C49": lambda: with_host(disk_free_mib=150.0),
    "C50": lambda: with_host(memory_mib=3000.0),
    "C39": in_maintenance,
    "C37": lambda: (with_watch(shocked_at=NOW - timedelta(minutes=29), shock_text="VIX rose"), entry()),
    "C23": lambda: (with_watch(stop_outs=(NOW.date(),) * 3), entry()),
    "C26": opened_thrice,
    "C28": other_side,
    "C19": lambda: (World().with_(margin=Unknown("no answer")), entry()),
}


def judged(world: World, intent: PlaceIntent) -> Verdict:
    """The verdict of a review."""
    return gate.review(intent, world.view(), world.limits, 1).verdict


def failing(verdict: Verdict) -> list[str]:
    """Codes of the checks that failed."""
    return [result.code for result in verdict.checks if not result.passed]


def test_good_morning_good_condor() -> None:
    """A sound order in a sound world is approved, with every check recorded once and with words."""
    reviewed = gate.review(entry(), World().view(), World().limits, 42)
    assert reviewed.approved is not None
    assert reviewed.approved.seq == 42
    assert [r.code for r in reviewed.verdict.checks] == [check.code for check in ABOUT_CONDORS]
    assert all(r.passed and r.text for r in reviewed.verdict.checks)
    assert reviewed.verdict.text.startswith("approved: adds risk within every cap; ")


@pytest.mark.parametrize("code", [check.code for check in ABOUT_CONDORS])
def test_each_check_fails_alone(code: str) -> None:
    """Spoiling one thing makes exactly its check fail, names it in the denial and gives no approval."""
    world, intent = SPOILT[code]()
    reviewed = gate.review(intent, world.view(), world.limits, 1)
    assert reviewed.approved is None
    assert failing(reviewed.verdict) == [code]
    assert reviewed.verdict.code == code
    assert reviewed.verdict.text.startswith(f"denied by {code}")


@pytest.mark.parametrize("code", [check.code for check in ABOUT_CONDORS])
def test_failure_is_journalable(code: str) -> None:
    """A verdict survives JSON and back with all its numbers."""
    verdict = judged(*SPOILT[code]())
    again = msgspec.json.decode(msgspec.json.encode(verdict), type=Verdict)
    assert again == verdict


def test_an_order_that_is_none_is_no_reducer() -> None:
    """What has no form proves nothing: it is never called reducing, and only the form checks are made."""
    verdict = judged(World(), entry(quantity=0))
    assert (verdict.approved, verdict.reducing, verdict.needs_margin) == (False, False, False)
    assert [r.code for r in verdict.checks] == ["C41", "C45", "C01", "C13", "C02"]


def test_preview_leaves_out_only_the_margin() -> None:
    """Before the what-if is asked everything else is checked, and an entry is said to need it."""
    world = World().with_(margin=Unknown("not asked"))
    verdict = gate.preview(entry(), world.view(), world.limits)
    assert verdict.approved
    assert verdict.needs_margin
    assert {c.code for c in ABOUT_CONDORS} - {r.code for r in verdict.checks} == {"C19"}


def test_all_failures_are_kept_and_the_first_names_the_denial() -> None:
    """Two faults are both recorded; the earlier in the order is the code."""
    world = replace(with_quote(at=NOW - timedelta(seconds=4)), broker=None)
    verdict = judged(world, entry())
    assert failing(verdict) == ["C30", "C14"]
    assert verdict.code == "C30"


def test_an_order_needs_no_what_if_only_if_its_form_is_right_and_it_is_proven_to_reduce() -> None:
    """The closing of what is held; no opening, however well formed, and nothing malformed or under a kill."""
    held = World().having("ic-1", condor_legs(EXPIRIES[1], WINGS), 1, -14.0)
    killed = held.with_(kill_file=True)
    for intent, world, reduces in (
        (close(), held, True), (entry("ic-2", EXPIRIES[0]), held, False), (close(), World(), False),
        (close(ref=""), held, False), (close(quantity=0), held, False), (close(), killed, False),
    ):  # fmt: skip
        assert gate.reduces(intent, world.view(), world.limits) is reduces


def test_consequences_name_known_controls() -> None:
    """Every row of the latch table is a control of the gate; the rest simply deny."""
    assert set(CONSEQUENCES) <= {check.code for check in CHECKS}
    assert consequence_of("C12") is Consequence.DENY
    assert {r.code: r.action for r in judged(World(), entry()).checks}["C45"] is Consequence.LATCH


def test_foreign_class_is_refused() -> None:
    """An option outside the whitelist is refused by what differs, multiplier included."""
    for change in ({"trading_class": "XSP"}, {"multiplier": 10}, {"currency": "EUR"}, {"exchange": "FTA"}):
        view = World().view()
        odd = msgspec.structs.replace(view.market.option(LEG.con_id), **change)
        market = msgspec.structs.replace(view.market, instruments={**view.market.instruments, LEG.con_id: odd})
        assert judged(World().with_(market=market), entry()).code == "C02"


def test_live_account_is_refused() -> None:
    """An account that is not a paper account is refused even when it is the expected one, and is not spelled out."""
    verdict = judged(World().with_(accounts=("U1234567",), expected_account="U1234567"), entry())
    assert verdict.code == "C45"
    assert "U1234567" not in verdict.text


def test_unreconciled_connection_is_refused() -> None:
    """A reconnect makes the last snapshot old: nothing is sent before the next."""
    assert judged(World().with_(snapshot_epoch=EPOCH - 1), entry()).code == "C38"
    assert judged(World().with_(snapshot_epoch=None), entry()).code == "C38"


@pytest.mark.parametrize(
    "spoil",
    [
        {"day_start_nlv_usd": None},
        {"week_start_nlv_usd": None},
        {"high_water_usd": None},
        {"account": Unknown("silence")},
        {"marks": {}},
    ],
)
def test_unknown_is_never_safe(spoil: dict[str, Any]) -> None:
    """Whatever the gate cannot know denies new risk."""
    assert not judged(World().with_(**spoil), entry()).approved


@pytest.mark.parametrize("field", ["net_liquidation_usd", "excess_liquidity_usd"])
@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), 0.0])
def test_unusable_account_numbers_deny(field: str, value: float | None) -> None:
    """A missing, infinite or zero account figure denies new risk."""
    assert not judged(World(account={field: value}), entry()).approved


def test_old_account_figures_deny() -> None:
    """Caps are not measured on figures older than allowed."""
    assert not judged(World(account={"at": NOW - timedelta(hours=1)}), entry()).approved


@pytest.mark.parametrize("epoch", [EPOCH - 1, EPOCH + 1])
def test_a_quote_of_another_connection_is_none(epoch: int) -> None:
    """However young: what was quoted before a drop prices nothing, for new risk and for exits."""
    world = with_quote(epoch=epoch)
    assert {"C14", "C15", "C11"} <= set(failing(judged(world, entry())))
    held = world.having("ic-1", condor_legs(EXPIRIES[1], WINGS), 1, -14.0)
    assert {"C14", "C15", "C11"} <= set(failing(judged(held, close())))


def test_a_spike_in_net_liquidation_does_not_enlarge_caps() -> None:
    """Caps are measured on the lower of now and the day's start."""
    verdict = judged(World(account={"net_liquidation_usd": 10 * NLV, "excess_liquidity_usd": 9 * NLV}), entry())
    seen = {r.code: r.observed for r in verdict.checks}
    assert seen["C06"] == {r.code: r.observed for r in judged(World(), entry()).checks}["C06"]


def test_more_than_one_unit_stays_within_the_soft_cap() -> None:
    """Between the soft and the hard cap a single condor passes where the same loss in two units does not."""
    caps = with_limits(condor_loss_soft_pct=0.8, condor_loss_hard_pct=2.0)
    assert judged(caps, entry()).approved
    two = replace(caps, impact=MarginImpact(9000.0, 9000.0, NLV, 8000.0))
    assert failing(judged(two, entry(quantity=2))) == ["C06"]


def test_margin_that_disagrees_with_our_reckoning_is_refused() -> None:
    """A what-if far from the worst loss of a new condor is not believed, whichever side it errs on."""
    for change in (100.0, 20_000.0):
        assert failing(judged(World(impact=MarginImpact(9000.0, 9000.0, NLV, change)), entry())) == ["C19"]


def test_margin_use_and_what_remains_are_capped() -> None:
    """Initial margin above half of equity, or too little left, is refused."""
    for initial, maintenance in ((0.51 * NLV, 0.1 * NLV), (0.4 * NLV, 0.61 * NLV), (float("nan"), 0.0)):
        impact = MarginImpact(initial, maintenance, NLV, 4600.0)
        assert failing(judged(World(impact=impact), entry())) == ["C19"]


def test_sign_trap() -> None:
    """A credit typed with the wrong sign is refused by possibility and by collar."""
    assert {"C11", "C12"} <= set(failing(judged(World(), entry(limit_points=-entry().limit_points))))


def test_position_that_only_the_journal_lacks_is_a_break() -> None:
    """A broker position shown as held by nobody is still unexplained by executions."""
    stray = con_id(EXPIRIES[0], 5500.0, Right.PUT)
    world = World(holdings=(Holding(None, stray, 1, None),), broker={stray: 1})
    assert "C30" in failing(judged(world, entry()))


def test_dry_powder_counts_what_else_is_working() -> None:
    """What this order leaves is enough by itself and not enough once another working order may fill as well."""
    figures = {"excess_liquidity_usd": 0.412 * NLV}
    assert judged(World(account=figures), entry()).approved
    other = record(entry("ic-2", EXPIRIES[0]))
    assert failing(judged(World(account=figures, orders=(other,)), entry())) == ["C20"]


def test_price_walk_is_no_duplicate_but_a_repeat_is() -> None:
    """The next attempt of a chain passes after the last one ended; while it works, or repeated, it does not."""
    ended = World(orders=(record(entry(), OrderState.CANCELED, ago_s=20.0),))
    second = entry(ref="ic-1/entry/2", attempt=2, limit_points=entry().limit_points + 0.05)
    assert judged(ended, second).approved
    assert "C27" in failing(judged(ended, msgspec.structs.replace(second, attempt=1)))
    working = World(orders=(record(entry(), OrderState.WORKING, ago_s=20.0),))
    assert "C27" in failing(judged(working, second))


def test_a_used_reference_is_never_approved_again() -> None:
    """One approval per reference, ever."""
    world = World(orders=(record(entry(), OrderState.CANCELED, ago_s=7200.0),))
    assert judged(world, entry()).code == "C01"


def test_order_rate_per_minute_and_day() -> None:
    """The sixth order of a minute and the sixtieth of a day are the last."""
    for count, step_s in ((6, 9.0), (60, 60.0)):
        old = [
            record(entry(f"ic-{n + 10}", EXPIRIES[0]), OrderState.CANCELED, ago_s=2.0 + n * step_s)
            for n in range(count)
        ]
        assert failing(judged(World(orders=tuple(old)), entry())) == ["C25"]
        assert "C25" not in failing(judged(World(orders=tuple(old[1:])), entry()))


def test_expired_option_and_closed_session() -> None:
    """Outside of every session nothing passes, reducing or not."""
    held = World().having("ic-1", condor_legs(EXPIRIES[1], WINGS), 1, -14.0)
    assert "C33" in failing(judged(replace(held, sessions=()), close()))
    assert "C33" in failing(judged(World(sessions=()), entry()))


def test_disagreeing_calendar_denies_new_risk_only() -> None:
    """When calendar and broker hours disagree, only exits pass."""
    doubtful = (session(NOW.date(), agreed=False),)
    held = World(sessions=doubtful).having("ic-1", condor_legs(EXPIRIES[1], WINGS), 1, -14.0)
    assert failing(judged(World(sessions=doubtful), entry())) == ["C33"]
    assert judged(held, close()).approved


def test_kill_and_limit_latches() -> None:
    """Under a kill nothing passes; under a limit's latch what reduces risk still does."""
    held = World().having("ic-1", condor_legs(EXPIRIES[1], WINGS), 1, -14.0)
    for cause, state, exits in (
        ("kill", TradingState.HALTED, False),
        ("C45", TradingState.HALTED, False),
        ("limit:C20", TradingState.HALTED, True),
        ("limit:C21", TradingState.REDUCING, True),
        ("reduce", TradingState.REDUCING, True),
    ):
        control = Control(latches=(Latch(cause, state, NOW, "test", "because"),))
        assert judged(held.with_(control=control), close()).approved is exits
        assert not judged(World().with_(control=control), entry()).approved


def test_empty_market_is_refused_without_harm() -> None:
    """With nothing known the gate says so and does not fall over."""
    verdict = judged(World().with_(market=Market()), entry())
    assert verdict.code == "C02"
