"""The status file: what the bot is doing now, for `condor status`, `kill` and `arm`; rewritten whole, never torn."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot.consent_view import describe as describe_consent
from bot.engine.outcome import Outcome
from bot.engine.state import State
from bot.macro_view import describe as describe_macro
from bot.masking import mask, masked
from bot.open_view import describe as describe_open
from strategies.condor.machine import CondorState
from strategies.domain import events as ev
from strategies.domain.control import TradingState
from strategies.domain.known import Known

_DONE = (CondorState.CLOSED, CondorState.SETTLED, CondorState.ABANDONED)


class StatusFile:
    """Writes STATE/status.json at most every `every_s` loop seconds, and at once when trading state changes."""

    def __init__(self, path: Path, every_s: float, lines_in_use: Callable[[], int]) -> None:
        self._path = path
        self._every_s = every_s
        self._lines = lines_in_use
        self._written_at = -1e9
        self._before: tuple[Any, ...] = ()
        self._last_decision = ""
        self._last_alert = ""
        self._last_alert_seq = 0
        self._failed = False

    def observe(self, envelope: ev.Envelope, state: State, outcome: Outcome) -> None:
        """Hears a step."""
        if outcome.decisions:
            d = outcome.decisions[-1]
            self._last_decision = f"{envelope.at:%H:%M:%S}Z {d.rule} {d.subject} {d.verdict.value}: {d.text}"
        if outcome.alerts:
            self._last_alert, self._last_alert_seq = outcome.alerts[-1].text, envelope.seq
        key = (
            state.control,
            state.consent,
            state.flatten,
            len(state.book.live_orders()),
            state.link.state,
            self._last_alert,
            halt_proved(state),
        )
        now_s = asyncio.get_running_loop().time()
        commanded = isinstance(envelope.event, ev.OperatorCommanded | ev.LatchFound)  # somebody waits for the answer
        if not commanded and key == self._before and now_s - self._written_at < self._every_s:
            return
        self._before, self._written_at = key, now_s
        draft = self._path.with_suffix(".draft")
        try:
            draft.write_text(json.dumps(self.describe(envelope, state)))
            draft.replace(self._path)
        except OSError as reason:  # the loop goes on: the status is for people, and an old one says its age
            if not self._failed:
                sys.stderr.write(f"{self._path} cannot be written: {reason}; the journal goes on\n")
            self._failed = True

    def describe(self, envelope: ev.Envelope, state: State) -> dict[str, Any]:
        """The status as plain values; unknown figures are null."""
        account = state.account.value if isinstance(state.account, Known) else None
        levels = {s: (q.level if (q := state.market.level(s)) is not None else None) for s in ("SPX", "VIX")}
        told: dict[str, Any] = {
            "at": envelope.at.isoformat(),
            "seq": envelope.seq,
            "trading_state": state.control.state.value,
            "paused": state.control.paused,
            "latches": [f"{x.cause}: {x.reason} (by {x.who}, {x.at.isoformat()})" for x in state.control.latches],
            "account": mask(state.expected_account),
            "config": state.config_hash,
            "link": state.link.state.value,
            "link_reason": mask(state.link.reason),
            "reconciled": state.link.synced_epoch == state.link.epoch,
            "market_data_lines": self._lines(),
            "spx": levels["SPX"],
            "vix": levels["VIX"],
            "net_liquidation_usd": account.net_liquidation_usd if account is not None else None,
            "excess_liquidity_usd": account.excess_liquidity_usd if account is not None else None,
            "working_orders": len(state.book.live_orders()),
            "broker_open_orders": state.open_at_broker,
            "halt_proved": halt_proved(state),
            "doubtful_orders": [o.ref for o in state.book.doubtful()],
            "open_condors": sum(1 for c in state.condors.values() if c.state not in _DONE and c.quantity > 0),
            "condors": [
                {
                    "id": c.id,
                    "state": c.state.value,
                    "quantity": c.quantity,
                    "expiry": c.expiry.isoformat(),
                    "credit_points": c.credit_points,
                    "worst_loss_usd": round(c.max_loss_usd, 2) if c.quantity else None,
                }
                for c in state.condors.values()
                if c.state not in _DONE
            ],
            "macro": describe_macro(state),
            "consent": describe_consent(state),
            "open": describe_open(state),
            "last_decision": mask(self._last_decision),
            "last_alert": mask(self._last_alert),
            "last_alert_seq": self._last_alert_seq,
        }
        whole: dict[str, Any] = masked(told)
        return whole


def halt_proved(state: State) -> bool:
    """Whether the broker was asked after the halt began and showed no order at all, ours or anybody's."""
    halts = [stop.at for stop in state.control.latches if stop.state is TradingState.HALTED]
    if not halts or state.snapshot_at is None or state.link.synced_epoch != state.link.epoch:
        return False
    return state.snapshot_at > min(halts) and state.open_at_broker == 0 and not state.book.live_orders()
