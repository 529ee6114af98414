"""What a look at the market and an order cost the engine, and what a decision's log line costs.

The engine is stepped in memory over one steady state with a held condor: a tick that changes nothing, and the tick that
sets off the closing order (desk, gate and approval, without journal and wire). The gate reviews an entry with its
stress grid; each review sees marks of its own, and the rows `after a fill` a book of their own too, so that nothing
kept from the review before helps where it would not help the bot. A log line is the bot's canonical decision line,
masked and written to its session file, against the least that structlog and orjson need for the same fields: where
that least is above the target, the target is out of reach with structlog.
"""

from __future__ import annotations

import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import msgspec  # noqa: E402
import orjson  # noqa: E402
import structlog  # noqa: E402

from benchmarks import held_condor as held  # noqa: E402
from benchmarks import whole_book as whole  # noqa: E402
from benchmarks.table import Row, render  # noqa: E402
from bot.actions import Submit  # noqa: E402
from bot.engine.outcome import Outcome  # noqa: E402
from bot.engine.permit import risk_view  # noqa: E402
from bot.engine.state import State  # noqa: E402
from bot.engine.step import step  # noqa: E402
from bot.logs import Chronicle, SessionFile, make_logger  # noqa: E402
from risk import gate  # noqa: E402
from risk.view import RiskView  # noqa: E402
from strategies.condor.structure import Leg, Legs  # noqa: E402
from strategies.domain import events as ev  # noqa: E402
from strategies.domain.account import MarginImpact  # noqa: E402
from strategies.domain.control import LinkState  # noqa: E402
from strategies.domain.decision import Decision, DecisionVerdict  # noqa: E402
from strategies.domain.known import Known  # noqa: E402
from strategies.domain.marks import Mark  # noqa: E402
from strategies.domain.orders import PlaceIntent, Purpose  # noqa: E402

LINES_A_ROUND = 200


def steady() -> State:
    """A connected bot that holds the condor."""
    state = State()
    link = ev.LinkChanged(state=LinkState.UP, epoch=1, reason="bench", accounts=(held.ACCOUNT,))
    connecting = ev.LinkChanged(state=LinkState.CONNECTING, epoch=0, reason="bench")
    facts: tuple[ev.AnyEvent, ...] = (held.run_started(), held.calendar(), connecting, link)
    for seq, event in enumerate(facts, start=1):
        state = step(state, ev.Envelope(seq, held.NOW, event)).state
    return held.graft(msgspec.structs.replace(state, link=msgspec.structs.replace(state.link, synced_epoch=1)))


def median_us(work: Callable[[], object], rounds: int) -> float:
    """Median microseconds of one call, and a warm start."""
    for _ in range(20):
        work()
    times = []
    for _ in range(rounds):
        began = time.perf_counter_ns()
        work()
        times.append((time.perf_counter_ns() - began) / 1000.0)
    return statistics.median(times)


def median_cpu_us(work: Callable[[], object], rounds: int) -> float:
    """The same in processor time of this thread: long work shares the machine, and what others use is not its cost."""
    for _ in range(5):
        work()
    times = []
    for _ in range(rounds):
        began = time.thread_time_ns()
        work()
        times.append((time.thread_time_ns() - began) / 1000.0)
    return statistics.median(times)


def steps(rounds: int) -> dict[str, float]:
    """Medians of a quiet look and of one that ends in an order."""
    state = steady()
    quiet = ev.Envelope(state.seq + 1, held.NOW, ev.QuotesUpdated(quotes=held.quotes(1)[:3]))
    crossing = ev.Envelope(state.seq + 1, held.NOW, ev.QuotesUpdated(quotes=(held.nearer(1),)))
    if not any(isinstance(action, Submit) for action in step(state, crossing).actions):
        raise SystemExit("the tick set off no order: nothing was measured")
    return {
        "quiet_us": median_us(lambda: step(state, quiet), rounds),
        "order_us": median_us(lambda: step(state, crossing), rounds),
    }


class Spread(NamedTuple):
    """Median and 99th percentile in microseconds."""

    p50_us: float
    p99_us: float


def review_us(rounds: int, state: State, *, after_a_fill: bool = False) -> Spread:
    """Processor time of one review of a further condor beside what is held: every check, with stress grid and crash.

    The automatic garbage collector is off, as it is in a running bot (`bot/quiet.py`).
    """
    assert state.parameters is not None
    now = state.now or held.NOW
    fresh = held.options(700_009_101)
    instruments = {**state.market.instruments, **{o.con_id: o for o in fresh}}
    quoted = {
        o.con_id: msgspec.structs.replace(held.quote(o, round(bid, 2), round(ask, 2), 1), at=now)
        for o, (bid, ask) in zip(fresh, held.prices(), strict=True)
    }
    market = msgspec.structs.replace(state.market, instruments=instruments, quotes={**state.market.quotes, **quoted})
    marks = {**state.marks, **{o.con_id: Mark(held.VOL, held.SPOT, 45 / 365, 1.0) for o in fresh}}
    assert isinstance(state.account, Known)
    account = Known(msgspec.structs.replace(state.account.value, at=now))
    view = risk_view(
        msgspec.structs.replace(state, market=market, marks=marks, account=account, snapshot_at=now),
        Known(MarginImpact(20_000.0, 20_000.0, 490_000.0, 10_000.0)),
    )
    credit = round(held.close_mid(), 1)
    legs = Legs(*(Leg(o.con_id, o.strike) for o in fresh))
    intent = PlaceIntent(
        ref="ic-20260504-9.entry.1", chain_ref="ic-20260504-9.entry/1", attempt=1, purpose=Purpose.ENTRY,
        owner="ic-20260504-9", rule="C-ENTRY-4", legs=legs.opening(), quantity=1, limit_points=-credit,
        mid_points=-credit, natural_points=-credit + 0.8, decided_at=now,
    )  # fmt: skip
    # Room for one more condor, so that the review goes through every check and to the end of the grid.
    more = {"open_condors": 9, "condors_per_expiry": 9, "all_condors_loss_soft_pct": 30.0,
            "all_condors_loss_hard_pct": 40.0}  # fmt: skip
    limits = msgspec.structs.replace(state.parameters.limits, **more)
    verdict = gate.review(intent, view, limits, 1).verdict
    if not any(check.code == "C18" and check.observed is not None for check in verdict.checks):
        raise SystemExit(f"the review had no stress grid: {verdict.text}")
    views = [_moved(view, number, after_a_fill) for number in range(rounds + 20)]
    times = []
    gc.collect()
    gc.disable()
    for moved in views:
        began = time.thread_time_ns()
        gate.review(intent, moved, limits, 1)
        times.append((time.thread_time_ns() - began) / 1000.0)
    gc.enable()
    times = sorted(times[20:])
    return Spread(statistics.median(times), times[int(0.99 * (len(times) - 1))])


def _moved(view: RiskView, number: int, after_a_fill: bool) -> RiskView:
    """The same a tick later, every volatility changed; after a fill book and holdings are other values too."""
    marks = {c: msgspec.structs.replace(mark, iv=mark.iv * (1.0 + 1e-6 * number)) for c, mark in view.marks.items()}
    if not after_a_fill:
        return msgspec.structs.replace(view, marks=marks)
    return msgspec.structs.replace(
        view, marks=marks, book=msgspec.structs.replace(view.book), holdings=(*view.holdings[:1], *view.holdings[1:])
    )


def whole_us(rounds: int) -> tuple[float, Spread, Spread]:
    """A look with all due, five condors and ten slots; reviews beside them, and each the first after a fill."""
    state, look = whole.due(whole.graft(steady()))
    fresh = msgspec.structs.replace(state, decided={}, decided_at={})  # so that every decision is told
    rules = {decision.rule for decision in step(fresh, look).outcome.decisions}
    missing = {"A-VEGA-1", "A-HARV-1", "A-ROLL-1", "P-PROJ-1", "P-BE-2", "C-DEC-1", "C-ADJ-1"} - rules
    if missing:
        raise SystemExit(f"the look left out {sorted(missing)}: nothing was measured")
    reviews = review_us(4 * rounds, state), review_us(4 * rounds, state, after_a_fill=True)
    return median_cpu_us(lambda: step(state, look), rounds), *reviews


def log_lines(folder: Path, rounds: int) -> tuple[float, float]:
    """Microseconds a decision line: structlog with orjson alone, and the bot's chronicle; rounds alternate."""
    decision = Decision(
        held.NOW, "C-ENTRY-9", "entry", DecisionVerdict.HOLD, "short strikes at 16 delta collect too little",
        {"vix": 17.25, "credit_points": 1.35, "dte": 44}, {"vix_max": 25.0, "credit_points_min": 1.2}, 0.11, None,
    )  # fmt: skip
    files = SessionFile(folder)
    chronicle = Chronicle(make_logger(files, "info"), files)
    envelope = ev.Envelope(1, held.NOW, ev.QuotesUpdated(quotes=()))
    outcome, state = Outcome(decisions=(decision,) * LINES_A_ROUND), State(config_hash="bench")
    sink = BytesIO()

    def to_sink(_: Any, __: str, fields: Any) -> str:
        sink.write(orjson.dumps(fields) + b"\n")
        raise structlog.DropEvent

    least = structlog.wrap_logger(
        structlog.PrintLogger(file=sys.stderr), processors=[structlog.processors.add_log_level, to_sink],
        wrapper_class=structlog.make_filtering_bound_logger(20), cache_logger_on_first_use=True,
    )  # fmt: skip
    fields = msgspec.to_builtins(decision)

    def bare() -> None:
        for _ in range(LINES_A_ROUND):
            least.info("decision", seq=1, session="2026-05-04", config="bench", **fields)

    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(median_us(bare, 1) / LINES_A_ROUND)
        ours.append(median_us(lambda: chronicle.observe(envelope, state, outcome), 1) / LINES_A_ROUND)
        sink.seek(0)
    files.close()
    return statistics.median(theirs), statistics.median(ours)


def measure(folder: Path, rounds: int = 400) -> list[Row]:
    """Rows of the table."""
    engine, alone = steps(rounds), review_us(rounds, steady())
    look, beside, fresh = whole_us(max(40, rounds // 4))
    both = look + beside.p50_us
    theirs, ours = log_lines(folder, 5)
    none = "-"
    return [
        Row("decision log line", f"{theirs:.1f} us", f"{ours:.1f} us", ours / theirs, "<= 5 us", ours <= 5.0),
        Row("engine step, tick without news", none, f"{engine['quiet_us']:.0f} us", None, "", None),
        Row("engine step, tick to approved order", none, f"{engine['order_us']:.0f} us", None, "", None),
        *_reviews("gate review of an entry, stress grid (cpu)", alone),
        *_reviews("gate review beside 5 condors, 10 slots (cpu)", beside),
        *_reviews("the same, the first after a fill (cpu)", fresh),
        Row("look with all due, 5 condors, 10 slots (cpu)", none, f"{look:.0f} us", None, "", None),
        Row("look and review together (cpu)", none, f"{both:.0f} us", None, "<= 5000 us", both <= 5000.0),
    ]


def _reviews(name: str, found: Spread) -> list[Row]:
    p50, p99 = found
    return [
        Row(f"{name}, p50", "-", f"{p50:.0f} us", None, "<= 1000 us", p50 <= 1000.0),
        Row(f"{name}, p99", "-", f"{p99:.0f} us", None, "<= 5000 us", p99 <= 5000.0),
    ]


def main() -> None:
    """Measures and prints."""
    with tempfile.TemporaryDirectory() as name:
        print(render("D. decisions", measure(Path(name))))


if __name__ == "__main__":
    main()
