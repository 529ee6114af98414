"""The gate's checks: small named functions in one ordered tuple."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from risk.case import Case
from risk.checks import delta, form, guards, hedge, hours, loss, money, pace, price, quotes, standing, vega
from risk.halt import consequence_of
from risk.limits import Use
from risk.result import CheckResult, Finding
from strategies.domain.control import TradingState


class Check(NamedTuple):
    """One control. `always` checks also bind orders proven to reduce risk; `uses` says whose orders it is about,
    `during` the only trading state it is for, `except_in` the one it has no say in."""

    code: str
    name: str
    always: bool
    find: Callable[[Case], Finding]
    uses: tuple[Use, ...] = (Use.CONDOR, Use.HEDGE)
    during: TradingState | None = None
    except_in: TradingState | None = None

    def concerns(self, use: Use, state: TradingState) -> bool:
        """Whether the control is about this kind of order in this state."""
        return use in self.uses and state is not self.except_in and self.during in (None, state)

    def run(self, case: Case) -> CheckResult:
        """The control applied to one case."""
        return CheckResult(self.code, self.name, *self.find(case), consequence_of(self.code))


_CONDOR = (Use.CONDOR,)
_HEDGE = (Use.HEDGE,)

FORM: tuple[Check, ...] = (
    Check("C41", "kill switch", True, standing.killed),
    Check("C45", "account", True, standing.account),
    Check("C01", "reference", True, form.reference),
    Check("C13", "order shape", True, form.well_formed),
    Check("C02", "whitelist", True, form.whitelisted),
)
"""Made first and on any input; the others need a well-formed order of known options."""

CHECKS: tuple[Check, ...] = (
    *FORM,
    Check("C38", "link and reconciliation", True, standing.link),
    Check("C42", "trading state", False, standing.trading_state),
    Check("C42-F", "closings only", True, standing.closes_only, during=TradingState.FLATTENING),
    Check("C29", "orders in doubt", False, standing.doubtful),
    Check("C30", "positions", True, standing.reconciled),
    Check("C54", "presence of a person", False, guards.present),
    Check("C53", "last session's end", False, guards.attested),
    Check("C44", "clock", False, guards.clock),
    Check("C49", "journal and disk", False, guards.journal),
    Check("C50", "process bounds", False, guards.bounds),
    Check("C39", "maintenance window", True, guards.maintenance),
    Check("C33", "session and window", True, hours.session),
    Check("C34", "early close", False, hours.early_close, _CONDOR),
    Check("C35", "last trading day", False, hours.expiry_day),
    Check("C36", "halts", True, quotes.not_halted),
    Check("C37", "volatility shock", False, guards.shocked, _CONDOR),
    Check("C23", "stop-outs", False, guards.stop_outs, _CONDOR),
    Check("C16", "live data", True, quotes.live),
    Check("C14", "quote age", True, quotes.young),
    Check("C15", "quotes", True, quotes.reasonable),
    Check("C15-J", "jump of the index", False, quotes.jump, _CONDOR),
    Check("C15-F", "forward and index", False, quotes.forward, _CONDOR),
    Check("C15-N", "quotes refused", False, quotes.believed),
    Check("C52", "broker's model", False, quotes.model, _CONDOR),
    Check("C55", "size shown", False, quotes.shown_size, _CONDOR),
    Check("C27", "duplicate", True, pace.duplicate),
    Check("C26", "repeated execution", False, guards.repeated),
    Check("C28", "self-trade", True, guards.self_trade),
    Check("C24", "burst", False, pace.burst),
    Check("C25", "order rate", True, pace.order_rate),
    Check("C03", "order quantity", True, form.quantity),
    Check("C10", "condor structure", False, loss.structure, _CONDOR),
    Check("C10-H", "hedge structure", True, hedge.structure, _HEDGE),
    Check("C09", "cover (K-DEF-1)", False, loss.covered),
    Check("K-DEF-2", "synthetics", False, loss.synthetic),
    Check("C12", "possible price", True, price.possible),
    Check("C11", "price collar", True, price.collar),
    Check("C05", "open condors", False, loss.open_condors, _CONDOR),
    Check("C04", "order loss", False, loss.order_loss),
    Check("C06", "condor loss (K-SIZE-1)", False, loss.condor_loss, _CONDOR),
    Check("C07", "all condors' loss (K-SIZE-3)", False, loss.all_condors_loss),
    Check("K-SIZE-5", "crash loss", False, loss.crash),
    Check("C18", "stress grid", False, loss.stress_grid),
    Check("C17", "net vega", False, vega.net_vega),
    Check("C17-D", "net delta", False, delta.net_delta, _CONDOR),
    Check("K-SIZE-2", "hedge layer risk (C08)", False, hedge.layer_risk, _HEDGE),
    Check("C08", "hedge risk", False, hedge.total_risk, _HEDGE),
    Check("C08-30D", "hedge spending", False, hedge.spending, _HEDGE),
    Check("A-BUD-2", "hedge carry", False, hedge.carry, _HEDGE),
    Check("X-LIQ-1", "hedge liquidity", False, hedge.liquid, _HEDGE),
    Check("C56", "hedge in stress", True, hedge.in_stress, _HEDGE, except_in=TradingState.FLATTENING),
    Check("C20", "dry powder (K-SIZE-4)", False, money.dry_powder),
    Check("C21", "daily loss (K-SIZE-6)", False, money.daily_loss),
    Check("K-SIZE-6", "weekly loss", False, money.weekly_loss),
    Check("C22", "drawdown", False, money.drawdown),
    Check("C19", "margin what-if", False, money.margin),
)
"""Every control in the order in which a denial names them; all are made and kept."""
