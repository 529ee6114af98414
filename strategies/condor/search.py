"""Looks for a condor to sell within the market data lines: chain, contracts, grid, smile, four legs, one order.

The search lives inside one evaluation slot. Its grid is chosen once, so that a moving index does not swap lines; the
smile is fitted every few seconds at most; an order follows only when the four legs themselves are freshly quoted.
"""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

import msgspec

from strategies.condor.context import Agenda, Context
from strategies.condor.filters import ENTRY, EntryTerms, RollPermit
from strategies.condor.machine import ProposedCondor, propose
from strategies.condor.marks import fit_expiry
from strategies.condor.place import Ticket, chain_name, place
from strategies.condor.select import Check, Model, checks, choose_expiry, choose_legs, evaluate, targets
from strategies.condor.select import Market as Place
from strategies.condor.size import quantity, width_points
from strategies.condor.standing import fresh_quotes, smile_gap
from strategies.condor.structure import Legs, Net, net_price
from strategies.condor.walk import Urgency, limit_points, shares
from strategies.domain.decision import DecisionVerdict
from strategies.domain.instruments import Option, SettlementStyle
from strategies.domain.market import Board, Chain
from strategies.domain.marks import Mark
from strategies.domain.orders import Purpose
from strategies.domain.same import Same
from strategies.pricing.surface import SmileFit

HOLD, ACT, DECLINE = DecisionVerdict.HOLD, DecisionVerdict.ACT, DecisionVerdict.DECLINE


class SearchState(msgspec.Struct, frozen=True):
    """A search under way: its slot, the expiry looked at, the grid's lines, the legs last chosen, the last fit."""

    slot_at: datetime
    expiry: date
    grid: tuple[int, ...] = ()
    legs: tuple[int, ...] = ()
    fitted_at: datetime | None = None


def run_search(
    agenda: Agenda, terms: EntryTerms, state: SearchState | None, slot_at: datetime, condor_id: str
) -> SearchState | None:
    """One look: asks for what is missing, or proposes the condor. Returns the state to go on with, None to end."""
    ctx = agenda.ctx
    chain = _chain(ctx)
    if chain is None:
        agenda.note("C-ENTRY-1", ENTRY, HOLD, "waiting for the option chain")
        return None
    if state is None or state.slot_at != slot_at:
        expiry = _expiry(agenda, terms, chain)
        if expiry is None:
            return None
        state = SearchState(slot_at, expiry)
    if ctx.spot_points is None or ctx.vix_points is None:
        agenda.note("C-ENTRY-2", ENTRY, HOLD, "waiting for index levels")
        return state
    pause = timedelta(seconds=ctx.params.search.refit_s)
    if state.fitted_at is not None and ctx.now - state.fitted_at < pause:
        _want_lines(agenda, state)
        return state
    board = _board(Same(ctx.market.options(chain.trading_class, state.expiry)))
    low, high = _reach(ctx, state.expiry, terms)
    if board.pairs < ctx.params.search.parity_strikes:
        agenda.option_wants.append(Board(chain.symbol, chain.trading_class, state.expiry, low, high))
        agenda.note("C-ENTRY-1", ENTRY, HOLD, "waiting for the contracts of the expiry")
        return state
    if not state.grid:
        state = msgspec.structs.replace(state, grid=choose_grid(board.options, ctx, low, high))
    _want_lines(agenda, state)
    return _fit_and_choose(agenda, terms, state, board.options, condor_id)


def _want_lines(agenda: Agenda, state: SearchState) -> None:
    agenda.line_wants.extend(c for c in state.legs if c not in agenda.line_wants)
    agenda.line_wants.extend(c for c in state.grid if c not in agenda.line_wants)


def _chain(ctx: Context) -> Chain | None:
    for chain in ctx.market.chains.values():
        if chain.trading_class == ctx.params.trading_class and chain.symbol == ctx.params.symbol:
            return chain
    return None


def _expiry(agenda: Agenda, terms: EntryTerms, chain: Chain) -> date | None:
    """C-ENTRY-1 with one condor per expiry; the second half of a roll goes to a later expiry only."""
    ctx = agenda.ctx
    taken = {c.expiry for c in ctx.condors.values() if c.active}
    listed = [e for e in chain.expiries if not (terms.only_roll and terms.roll and e <= terms.roll.expiry)]
    expiry = choose_expiry(listed, ctx.today, taken, ctx.params.entry)
    agenda.note(
        "C-ENTRY-1",
        ENTRY,
        DECLINE if expiry is None else HOLD,
        "no free expiry in range" if expiry is None else "expiry chosen",
        inputs={"expiry": None if expiry is None else expiry.isoformat(), "taken": len(taken)},
        thresholds={"dte_min_days": ctx.params.entry.dte_min_days, "dte_max_days": ctx.params.entry.dte_max_days},
    )
    return expiry


class _Board(NamedTuple):
    """What is loaded of an expiry: the options that settle in the afternoon, and how many strikes have both sides.
    The legs that an earlier condor left behind are no board: too few pairs."""

    options: tuple[Option, ...]
    pairs: int


@lru_cache(maxsize=16)
def _board(seen: Same[tuple[Option, ...]]) -> _Board:
    """Every look asks for the same board; contracts are loaded a few times a day."""
    options = tuple(o for o in seen.value if o.settlement is SettlementStyle.PM)
    puts = {o.strike for o in options if not o.is_call}
    return _Board(options, sum(1 for o in options if o.is_call and o.strike in puts))


def _reach(ctx: Context, expiry: date, terms: EntryTerms) -> tuple[float, float]:
    """Strikes worth knowing: some expected moves, by VIX, and a wing on each side; rounded out to 25 points."""
    assert ctx.spot_points is not None
    assert ctx.vix_points is not None
    search, width = ctx.params.search, width_points(terms.nlv_usd, ctx.params.entry)
    move = ctx.spot_points * ctx.vix_points / 100.0 * math.sqrt(max(1, (expiry - ctx.today).days) / 365.0)
    low = ctx.spot_points - search.put_reach_em * move - width
    high = ctx.spot_points + search.call_reach_em * move + width
    return 25.0 * math.floor(low / 25.0), 25.0 * math.ceil(high / 25.0)


def choose_grid(options: tuple[Option, ...], ctx: Context, low: float, high: float) -> tuple[int, ...]:
    """Contract ids for the smile: call-put pairs around spot for parity, then puts below and calls above, evenly."""
    assert ctx.spot_points is not None
    spot, search = ctx.spot_points, ctx.params.search
    puts = {o.strike: o.con_id for o in options if not o.is_call and low <= o.strike <= high}
    calls = {o.strike: o.con_id for o in options if o.is_call and low <= o.strike <= high}
    near = sorted((k for k in puts if k in calls), key=lambda k: (abs(k - spot), k))[: search.parity_strikes]
    grid = [con_id for k in near for con_id in (puts[k], calls[k])]
    rest = search.budget_lines - len(grid) - 4
    below = sorted((k for k in puts if k < spot and k not in near), reverse=True)
    above = sorted(k for k in calls if k > spot and k not in near)
    wanted = math.ceil(rest * 0.6)
    grid += [puts[k] for k in _spread(below, wanted)]
    grid += [calls[k] for k in _spread(above, rest - wanted)]
    return tuple(dict.fromkeys(grid))


def _spread(strikes: list[float], count: int) -> list[float]:
    """At most `count` of the strikes, evenly by rank, the first and the last among them."""
    if len(strikes) <= count:
        return strikes
    if count <= 1:
        return strikes[:count]
    return [strikes[round(i * (len(strikes) - 1) / (count - 1))] for i in range(count)]


def _fit_and_choose(
    agenda: Agenda, terms: EntryTerms, state: SearchState, options: tuple[Option, ...], condor_id: str
) -> SearchState | None:
    ctx = agenda.ctx
    quoted = fresh_quotes(state.grid, ctx, ctx.params.search.quote_max_age_s)
    share = sum(1 for q in quoted.values() if q.two_sided) / max(1, len(state.grid))
    if share < ctx.params.search.min_quoted_share:
        agenda.note(
            "C-ENTRY-2", ENTRY, HOLD, "waiting for quotes of the grid", inputs={"quoted_share": round(share, 2)}
        )
        return state
    state = msgspec.structs.replace(state, fitted_at=ctx.now)
    fitted = fit_expiry(options, ctx)
    if isinstance(fitted, str):
        agenda.note("C-ENTRY-2", ENTRY, DECLINE, "the quotes give no smile", inputs={"reason": fitted})
        return state
    assert ctx.spot_points is not None
    where = Place(ctx.spot_points, fitted.smile.atm, (state.expiry - ctx.today).days)
    want = targets(
        ctx.params.entry,
        width_points(terms.nlv_usd, ctx.params.entry),
        reduced=terms.reduced,
        roll=terms.only_roll,
    )
    legs = choose_legs(fitted.smile, options, where, want, ctx.params.entry, keep=frozenset(state.legs))
    if isinstance(legs, Check):
        _note(agenda, legs)
        return state
    state = msgspec.structs.replace(state, legs=legs.con_ids())
    agenda.line_wants[:0] = [c for c in legs.con_ids() if c not in agenda.line_wants]
    quotes = fresh_quotes(legs.con_ids(), ctx, ctx.params.orders.entry_quote_max_age_s)
    net = net_price(legs.opening(), quotes)
    if net is None:
        agenda.note("C-ENTRY-2", ENTRY, HOLD, "legs chosen: waiting for their fresh quotes")
        return msgspec.structs.replace(state, fitted_at=None)
    model = evaluate(fitted.smile, legs)
    verdicts = checks(legs, model, net, where, ctx.params.entry)
    for check in verdicts:
        _note(agenda, check)
    if not all(check.ok for check in verdicts):
        return state
    return _sell(agenda, terms, state, fitted, legs, net, model, condor_id)


def _note(agenda: Agenda, check: Check) -> None:
    verdict = HOLD if check.ok else DECLINE
    agenda.note(
        check.rule, ENTRY, verdict, check.text, inputs=check.inputs, thresholds=check.thresholds, near=check.near
    )


def _sell(
    agenda: Agenda,
    terms: EntryTerms,
    state: SearchState,
    fitted: SmileFit,
    legs: Legs,
    net: Net,
    model: Model,
    condor_id: str,
) -> SearchState | None:
    """Sizes the condor and proposes it with its first order, or says why not even one fits."""
    ctx, entry, smile = agenda.ctx, agenda.ctx.params.entry, fitted.smile
    credit = -net.mid_points
    units = quantity(terms.nlv_usd, legs.width_points - credit, reduced=terms.reduced, params=entry)
    roll, refused = _roll(terms, credit, state.expiry, ctx)
    if roll is not None:
        units = min(units, roll.quantity)
    _note_size(agenda, terms, units, (legs.width_points - credit) * 100.0)
    if refused:
        agenda.note("C-ADJ-3", ENTRY, DECLINE, refused, inputs={"credit_points": round(credit, 4)})
    if units < 1 or refused:
        return state
    assert ctx.spot_points is not None
    proposal = ProposedCondor(
        id=condor_id,
        trading_class=ctx.params.trading_class,
        expiry=state.expiry,
        legs=legs,
        quantity=units,
        carry_rate=math.log(smile.forward / ctx.spot_points) / smile.tau,
        smile_gap=smile_gap(ctx.spot_points, legs, model.ivs[1], model.ivs[2], smile.atm),
        spot_points=ctx.spot_points,
        rolled_from=roll.condor_id if roll is not None else None,
        rolls_used=roll.rolls_used + 1 if roll is not None else 0,
    )
    condor = propose(proposal, ctx.now, "C-ADJ-3" if roll is not None else "C-ENTRY-4")
    plan = shares(Purpose.ENTRY, Urgency.PATIENT, ctx.params.orders)
    limit = limit_points(net, 1, plan, ctx.params.orders)
    ticket = Ticket(
        purpose=Purpose.ENTRY,
        rule="C-ENTRY-4",
        urgency=Urgency.PATIENT,
        legs=legs.opening(),
        quantity=units,
        net=net,
        limit_points=limit,
        chain_ref=chain_name(condor_id, Purpose.ENTRY, 1),
        number=1,
        attempt=1,
        text="sell to open" if roll is None else f"sell to open, rolled from {roll.condor_id}",
    )
    ref = place(condor, ticket, agenda)
    agenda.proposals.append(condor)
    for con_id, iv in zip(legs.con_ids(), model.ivs, strict=True):
        agenda.marks[con_id] = Mark(iv, smile.forward, smile.tau, smile.discount)
    inputs = {
        "credit_mid_points": round(credit, 4),
        "natural_points": round(net.natural_points, 4),
        "limit_points": limit,
        "quantity": units,
        "smile_rms_points": round(fitted.rms_points, 4),
        "smile_inside_share": round(fitted.inside_share, 3),
    }
    agenda.note("X-EXEC", ENTRY, ACT, "entry order: every filter and check passed", inputs=inputs, ref=ref)
    return None


def _roll(terms: EntryTerms, credit: float, expiry: date, ctx: Context) -> tuple[RollPermit | None, str]:
    """The roll this entry completes: later expiry, net credit after costs; else why an entry that must roll fails."""
    roll = terms.roll
    if roll is None:
        return None, ""
    costs = 4.0 * ctx.params.entry.slippage_points_per_leg
    if expiry > roll.expiry and credit - costs >= roll.cost_points - 1e-9:
        return roll, ""
    return None, "the roll would not collect a net credit" if terms.only_roll else ""


def _note_size(agenda: Agenda, terms: EntryTerms, units: int, max_loss_usd: float) -> None:
    entry = agenda.ctx.params.entry
    if units >= 1:
        text = "size within the risk per condor"
    elif terms.reduced:
        text = "reduced size leaves less than one condor"
    else:
        text = "not even one condor fits the risk per condor"
    agenda.note(
        "K-SIZE-1",
        ENTRY,
        HOLD if units >= 1 else DECLINE,
        text,
        inputs={"quantity": units, "max_loss_per_condor_usd": round(max_loss_usd, 2), "nlv_usd": terms.nlv_usd},
        thresholds={"risk_per_condor_pct_nlv": entry.risk_per_condor_pct_nlv, "max_quantity": entry.max_quantity},
    )
