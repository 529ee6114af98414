"""The smile of an expiry: fitted once for the same quotes of a moment, anew for other quotes or a later moment."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import msgspec

from strategies.condor.marks import NO_PAIR, fit_expiry
from strategies.condor.params import CondorParams
from strategies.domain.instruments import Option, Right, SettlementStyle
from strategies.domain.market import Market, Quote
from strategies.pricing.black76 import price
from strategies.pricing.surface import SmileFit

NOW = datetime(2026, 5, 4, 15, 0, tzinfo=UTC)
EXPIRY = date(2026, 6, 18)
END = datetime(2026, 6, 18, 20, 0, tzinfo=UTC)
STRIKES = [4600.0 + 50.0 * step for step in range(17)]


def board() -> tuple[Option, ...]:
    rows = [(strike, right) for strike in STRIKES for right in (Right.CALL, Right.PUT)]
    return tuple(
        Option(con_id, "SPX", "SPXW", "SMART", 100, EXPIRY, strike, right, SettlementStyle.PM, END, ())
        for con_id, (strike, right) in enumerate(rows, start=1)
    )


def moment(options: tuple[Option, ...], now: datetime = NOW, dearer: dict[int, float] | None = None) -> Any:
    """What the fit looks at: every option quoted half a point either side of a volatility of 18, some dearer."""
    tau = (END - NOW).total_seconds() / (365.0 * 86_400.0)
    params = CondorParams()
    discount = math.exp(-params.exit.risk_free_pct / 100.0 * tau)
    quotes = {}
    for option in options:
        mid = float(price(5000.0, option.strike, 0.18, tau, option.is_call, discount)) + (dearer or {}).get(
            option.con_id, 0.0
        )
        quotes[option.con_id] = Quote(option.con_id, mid - 0.5, mid + 0.5, 9, 9, None, None, NOW, 0)
    return SimpleNamespace(market=Market(quotes=quotes), now=now, params=params)


def test_the_same_quotes_at_the_same_moment_are_fitted_once() -> None:
    """Looks after a report of an order see no new quote: the very same smile, though the market was made anew."""
    options = board()
    first = fit_expiry(options, moment(options))
    assert isinstance(first, SmileFit)
    assert fit_expiry(options, moment(options)) is first


def test_a_quote_that_moved_and_a_later_moment_are_fitted_anew() -> None:
    """No smile outlives its quotes or its time."""
    options = board()
    call = next(o for o in options if o.strike == 5000.0 and o.is_call)
    put = next(o for o in options if o.strike == 5000.0 and not o.is_call)
    first, moved = (
        fit_expiry(options, moment(options, dearer=dearer)) for dearer in ({}, {call.con_id: 2.0, put.con_id: 2.0})
    )
    later = fit_expiry(options, moment(options, NOW + timedelta(seconds=1)))
    assert isinstance(first, SmileFit)
    assert isinstance(moved, SmileFit)
    assert isinstance(later, SmileFit)
    assert moved.smile.atm > first.smile.atm
    assert later.smile.tau < first.smile.tau


def test_without_a_pair_there_is_no_smile() -> None:
    """Nothing quoted, or one side only: the words say so."""
    options = board()
    here = moment(options)
    calls = {o.con_id: here.market.quotes[o.con_id] for o in options if o.is_call}
    for quotes in ({}, calls):
        here.market = msgspec.structs.replace(here.market, quotes=quotes)
        assert fit_expiry(options, here) == NO_PAIR
