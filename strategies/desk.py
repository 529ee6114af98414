"""Decides: reads one view of everything known and returns what to do, why, and what to watch next.

`decide` is called at every market update and timer. It changes nothing: what the desk must remember until the next
call is in `DeskState`, which the caller keeps. Order of intents: protect (cancels), exit, adjust, hedge, enter.
A condor has at most one order alive, and none is sent while the fate of another of its orders is unproven.
"""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from strategies import adjustments
from strategies.alvh.lattice import Slot
from strategies.alvh.memory import AlvhMemory
from strategies.alvh.params import AlvhParams
from strategies.alvh.view import HedgeOutcome
from strategies.condor import filters
from strategies.condor.attend import attend
from strategies.condor.context import Agenda, Context, Watch
from strategies.condor.hedgeword import HedgeWord
from strategies.condor.machine import Condor, CondorState
from strategies.condor.marks import mark_legs
from strategies.condor.params import CondorParams
from strategies.condor.search import SearchState, run_search
from strategies.condor.walk import Walk
from strategies.domain.account import AccountSnapshot
from strategies.domain.book import Book
from strategies.domain.control import Control, LinkState
from strategies.domain.decision import Decision, DecisionVerdict
from strategies.domain.desk_sample import DeskSample
from strategies.domain.known import Known, Unknown
from strategies.domain.macro import MacroInput
from strategies.domain.market import Board, Market
from strategies.domain.marks import Mark
from strategies.domain.orders import CONDOR_PREFIX, Intent, Purpose
from strategies.domain.session import NEW_YORK, Calendar
from strategies.flattening import end_sales, sell_hedge
from strategies.hedging import HedgeSeen, admit, protect, sampled, withdraw
from strategies.macro import Heard, for_hedge, listen, net_advances, tell
from strategies.outlook import tell_outlook
from strategies.reference import Reference
from strategies.signals.curve import RegimeState, effective, front_futures, read_curve
from strategies.signals.live import Feed
from strategies.signals.live import keep_warm as warm
from strategies.signals.live import look as observe
from strategies.signals.signals import SignalParams
from strategies.signals.tiers import Tier, tier_by_level
from strategies.whole import WholeMemory, demand_of, look_at_whole

HOLD, ACT = DecisionVerdict.HOLD, DecisionVerdict.ACT

SIGNALS_EVERY_S = 15.0
PLAN_LASTS_S = 900.0
HEDGE_MONTHS = 4
"""Futures quoted beyond those of the curve, for the later layers."""

_PRIORITY = {Purpose.EXIT: 0, Purpose.ADJUST: 1, Purpose.HEDGE: 2, Purpose.ENTRY: 3}


class DeskState(msgspec.Struct, frozen=True):
    """The desk's memory between calls; replaced, never mutated.

    `counts` numbers each condor's orders per purpose and `proposed` the day's proposals, so that no ref or id is ever
    used twice; `slot_at`, `slot_proposals` and `proposed_at` limit how often one evaluation slot may propose. `feed`
    holds the market's signals, `macro` what people told of the world, `hedge` the hedge's memory, `word` what it
    last said, `whole` the memory of the book's rules, `planned` a condor that waits for its hedge (C-ENTRY-9).
    """

    feed: Feed = Feed()
    macro: Heard = Heard()
    hedge: AlvhMemory = AlvhMemory()
    word: HedgeWord = HedgeWord()
    whole: WholeMemory = WholeMemory()
    planned: Condor | None = None
    planned_at: datetime | None = None
    crisis_since: datetime | None = None
    walks: dict[str, Walk] = {}
    watches: dict[str, Watch] = {}
    counts: dict[str, int] = {}
    day: date | None = None
    proposed: int = 0
    slot_at: datetime | None = None
    slot_proposals: int = 0
    proposed_at: datetime | None = None
    search: SearchState | None = None
    reference: Reference = Reference()


class DeskView(msgspec.Struct, frozen=True):
    """Everything a decision may look at. `pending_refs` are orders the gate still waits for an answer about."""

    now: datetime
    market: Market
    calendar: Calendar
    book: Book
    condors: dict[str, Condor]
    account: Known[AccountSnapshot] | Unknown
    control: Control
    link: LinkState
    params: CondorParams
    desk_state: DeskState
    pending_refs: frozenset[str] = frozenset()
    alvh: AlvhParams = AlvhParams()
    signals: SignalParams = SignalParams()
    hedge: HedgeSeen = HedgeSeen()
    macro_inputs: tuple[MacroInput, ...] = ()


class Wants(msgspec.Struct, frozen=True):
    """Data the desk needs: chains (symbol, class), contracts of one expiry and strike range, lines by importance."""

    chains: tuple[tuple[str, str], ...] = ()
    options: tuple[Board, ...] = ()
    lines: tuple[int, ...] = ()


class DeskOutcome(msgspec.Struct, frozen=True):
    """One decision. `proposals` go with an intent of this outcome and count only if the gate lets it pass; `updates`
    are condors the desk itself moved (an entry or exit given up) and are to be kept in any case."""

    intents: tuple[Intent, ...]
    decisions: tuple[Decision, ...]
    wants: Wants
    proposals: tuple[Condor, ...]
    updates: tuple[Condor, ...]
    desk_state: DeskState
    marks: dict[int, Mark]
    slots: dict[int, Slot] = {}
    sample: DeskSample | None = None


def decide(view: DeskView) -> DeskOutcome:
    """Looks at everything once. Pure: the same view gives the same outcome."""
    before = view.desk_state
    reference = before.reference.renewed(view.market, view.now, view.params.curve.futures_class)
    feed = _feed(view, reference)
    ctx, crisis_since = _context(view, reference, feed)
    outlook = None if feed.signals is None else feed.signals.outlook
    heard = listen(before.macro, view.macro_inputs, ctx, outlook, view.signals.macro)
    view = msgspec.structs.replace(view, hedge=msgspec.structs.replace(view.hedge, macro=for_hedge(heard.word)))
    ctx = msgspec.structs.replace(ctx, outlook=outlook, macro=heard.word, hedge=before.word)
    agenda = Agenda(ctx, dict(before.walks), dict(before.watches), dict(before.counts))
    active = [c for c in view.condors.values() if c.active]
    greeks = mark_legs(agenda, active)
    stands = {condor.id: stand for condor in active if (stand := attend(condor, greeks, agenda)) is not None}
    _cancel_strays(view, agenda)
    tell_outlook(agenda, feed)
    tell(agenda, heard, view.macro_inputs, outlook)
    state = msgspec.structs.replace(before, feed=feed, macro=heard, crisis_since=crisis_since, reference=reference)
    state = _enter(view, agenda, state)
    demand = demand_of(before.whole, before.word)
    agenda.demands += [] if demand is None else [demand]
    hedge, state = _hedge(view, agenda, state)
    word, whole = look_at_whole(agenda, active, greeks, stands, hedge, view.alvh, _nlv_usd(view), before.whole)
    state = msgspec.structs.replace(state, word=word, whole=whole)
    known = {c.id for c in active} | {c.id for c in agenda.proposals}
    state = msgspec.structs.replace(
        state,
        walks={k: v for k, v in agenda.walks.items() if k in known},
        watches={k: v for k, v in agenda.watches.items() if k in known},
        counts={k: v for k, v in agenda.counts.items() if k.rpartition(".")[0] in known},
    )
    cancels, places, decisions = list(agenda.cancels), list(agenda.places), list(agenda.settled())
    if hedge is not None:
        cancels, places = [*cancels, *hedge.cancels], [*places, *hedge.places]
        decisions += hedge.decisions
    places.sort(key=lambda intent: _PRIORITY[intent.purpose])
    own = {} if hedge is None else hedge.marks
    held, told = view.hedge.holdings, view.macro_inputs
    decisions += adjustments.record(agenda, places, held, own, greeks, outlook, told, view.alvh)
    return DeskOutcome(
        intents=(*cancels, *places),
        decisions=tuple(decisions),
        wants=_wants(view, agenda, active, reference, hedge),
        proposals=tuple(agenda.proposals),
        updates=tuple(agenda.updates),
        desk_state=state,
        marks=agenda.marks if hedge is None else {**agenda.marks, **hedge.marks},
        slots={} if hedge is None else hedge.slots,
        sample=sampled(ctx, feed, hedge, enabled=view.alvh.enabled),
    )


def _feed(view: DeskView, reference: Reference) -> Feed:
    """The signals after this look: histories folded, the running session seen while it runs."""
    today, session = view.now.astimezone(NEW_YORK).date(), view.calendar.current(view.now)
    told = net_advances(view.macro_inputs, today)
    feed = warm(view.desk_state.feed, view.market, view.now, today, view.signals, told)
    if session is None or view.link is not LinkState.UP or view.now >= session.index_close_at:
        return feed
    before = view.calendar.last_before(session.day)
    return observe(
        feed,
        view.market,
        reference.listed_futures(view.market),
        session,
        None if before is None else before.day,
        view.now,
        view.signals,
        every_s=SIGNALS_EVERY_S,
        max_age_s=view.params.orders.index_max_age_s,
        macro=view.desk_state.macro.word.signals,
    )


def _hedge(view: DeskView, agenda: Agenda, state: DeskState) -> tuple[HedgeOutcome | None, DeskState]:
    """The hedge's look with its memory; while everything is flattened it is only sold, and its rules are not asked."""
    if agenda.ctx.flattening:
        memory = sell_hedge(agenda, view.hedge.holdings, state.hedge, view.alvh.orders)
        return None, msgspec.structs.replace(state, hedge=memory)
    state = msgspec.structs.replace(state, hedge=end_sales(agenda, state.hedge))
    hedge = _protect(view, agenda, state)
    return hedge, state if hedge is None else msgspec.structs.replace(state, hedge=hedge.memory)


def _protect(view: DeskView, agenda: Agenda, state: DeskState) -> HedgeOutcome | None:
    """The hedge's own look, a condor that waits for it included."""
    return protect(
        agenda.ctx, agenda, view.hedge, state.feed, state.hedge, view.alvh, view.account, _planned(state, view.now)
    )


def _nlv_usd(view: DeskView) -> float | None:
    return view.account.value.net_liquidation_usd if isinstance(view.account, Known) else None


def _planned(state: DeskState, now: datetime) -> Condor | None:
    """The condor that waits for its hedge, while its plan is young."""
    if state.planned is None or state.planned_at is None:
        return None
    return state.planned if (now - state.planned_at).total_seconds() <= PLAN_LASTS_S else None


def _context(view: DeskView, reference: Reference, feed: Feed) -> tuple[Context, datetime | None]:
    """The moment as every rule sees it, with the crisis clock moved."""
    params, now, market = view.params, view.now, view.market
    local = now.astimezone(NEW_YORK)
    today, session = local.date(), view.calendar.current(now)
    futures = reference.listed_futures(view.market)
    reading = read_curve(market, futures, now, today, params.curve)
    regime = RegimeState() if feed.signals is None else feed.signals.regime
    crisis_since = view.desk_state.crisis_since
    spot, vix = _level(view, reference.spx), _level(view, reference.vix)
    bars = market.bars.get("VIX", ())
    tier = None if vix is None else tier_by_level(
        vix, reading.front_points, bars[-1].close if bars else None, params.tiers
    )  # fmt: skip
    ctx = Context(
        now=now,
        local=local,
        today=today,
        session=session,
        market=market,
        calendar=view.calendar,
        book=view.book,
        condors=view.condors,
        control=view.control,
        link=view.link,
        params=params,
        pending_refs=view.pending_refs,
        spot_points=spot,
        vix_points=vix,
        futures=futures,
        curve=reading,
        regime=effective(regime, reading),
        tier=tier,
        crisis_since=crisis_since,
    )
    if session is not None and ctx.can_trade and tier is not None:
        crisis_since = (crisis_since or now) if tier is Tier.CRISIS else None
    return ctx, crisis_since


def _level(view: DeskView, con_id: int | None) -> float | None:
    """Fresh level of an index in points, None when it is missing or stale."""
    if con_id is None:
        return None
    quote = view.market.fresh(con_id, view.now, view.params.orders.index_max_age_s)
    level = quote.level if quote is not None else None
    return level if level is not None and level > 0.0 else None


def _cancel_strays(view: DeskView, agenda: Agenda) -> None:
    """Orders alive for a condor that waits for none: finished, open or quarantined."""
    waiting = (CondorState.CANDIDATE, CondorState.GATED, CondorState.ENTRY_WORKING,
               CondorState.EXIT_WORKING, CondorState.ADJUST_WORKING)  # fmt: skip
    if agenda.ctx.link in (LinkState.DOWN, LinkState.CONNECTING):
        return
    for condor_id, records in agenda.live.items():
        condor = view.condors.get(condor_id)
        if condor is None or condor.state in waiting:
            continue
        for record in records:
            agenda.cancel(record, "C-DEC-1", "its condor waits for no order")


def _enter(view: DeskView, agenda: Agenda, state: DeskState) -> DeskState:
    """Runs the entry search inside its slots; outside them only says when it will look again."""
    ctx, entry = agenda.ctx, agenda.ctx.params.entry
    if state.day != ctx.today:
        state = msgspec.structs.replace(state, day=ctx.today, proposed=0)
    slot = filters.slot_start(ctx)
    if slot is None:
        if ctx.session is not None:
            agenda.note("C-ENTRY-7", filters.ENTRY, HOLD, "outside the entry slots",
                        thresholds={"from": entry.window_from.isoformat("minutes"),
                                    "until": entry.window_until.isoformat("minutes")})  # fmt: skip
        return msgspec.structs.replace(state, search=None)
    if state.slot_at != slot:
        state = msgspec.structs.replace(state, slot_at=slot, slot_proposals=0, search=None)
    agenda.note("C-ENTRY-7", filters.ENTRY, HOLD, "inside an entry slot")
    rested = state.proposed_at is None or (ctx.now - state.proposed_at).total_seconds() >= entry.repeat_after_s
    if state.slot_proposals >= entry.proposals_per_slot or not rested:
        return msgspec.structs.replace(state, search=None)
    terms = filters.may_enter(agenda, view.account)
    if terms is None:
        return msgspec.structs.replace(state, search=None)
    number = state.proposed + 1
    condor_id = f"{CONDOR_PREFIX}{ctx.today:%Y%m%d}-{number}"
    search = run_search(agenda, terms, state.search, slot, condor_id)
    if agenda.proposals and agenda.proposals[-1].id == condor_id:
        proposed = agenda.proposals[-1]
        seen = protect(ctx, agenda, view.hedge, state.feed, state.hedge, view.alvh, view.account, proposed, judged=True)
        if not admit(agenda, seen, proposed, enabled=view.alvh.enabled):
            withdraw(agenda, proposed)
            if _planned(state, ctx.now) is None:  # the hedge looks at once, not at its next turn
                hedge = msgspec.structs.replace(state.hedge, evaluated_at=None)
                state = msgspec.structs.replace(state, planned_at=ctx.now, hedge=hedge)
            return msgspec.structs.replace(state, search=search, planned=proposed)
        state = msgspec.structs.replace(state, planned=None, planned_at=None)
        return msgspec.structs.replace(
            state, search=None, proposed=number, slot_proposals=state.slot_proposals + 1, proposed_at=ctx.now
        )
    return msgspec.structs.replace(state, search=search)


def _wants(
    view: DeskView, agenda: Agenda, active: list[Condor], reference: Reference, hedge: HedgeOutcome | None
) -> Wants:
    """Legs first, then indices and front futures, then what a search or a widening looks at; never over the cap."""
    ctx, search = agenda.ctx, view.params.search
    lines: list[int] = []
    for condor in (*active, *agenda.proposals):
        lines.extend(condor.con_ids())
    lines.extend(con_id for con_id in (reference.spx, reference.vix) if con_id is not None)
    lines.extend(f.con_id for f in front_futures(ctx.futures, ctx.today, view.params.curve)[: search.futures_lines])
    if view.alvh.enabled:
        lines.extend(f.con_id for f in ctx.futures[: search.futures_lines + HEDGE_MONTHS])
        lines.extend(reference.volatility)
    if hedge is not None:
        lines.extend(hedge.lines)
    lines.extend(agenda.line_wants)
    chain = (view.params.symbol, view.params.trading_class)
    missing = chain[1] not in view.market.chains and filters.slot_start(ctx) is not None
    boards = (*agenda.option_wants, *(hedge.boards if hedge is not None else ()))
    return Wants(
        chains=(*((chain,) if missing else ()), *(hedge.chains if hedge is not None else ())),
        options=tuple(dict.fromkeys(boards)),
        lines=tuple(dict.fromkeys(lines))[: search.max_lines],
    )
