"""Contract ids of the indices and VIX futures, kept so that a look need not search thousands of contracts."""

from __future__ import annotations

from datetime import datetime

import msgspec

from strategies.domain.instruments import Future
from strategies.domain.market import Market
from strategies.domain.series import VOLATILITY_SERIES

RENEW_S = 60.0


class Reference(msgspec.Struct, frozen=True):
    """The ids. Looked up again when the number of known contracts changes, and after a minute.

    `volatility` are the indices that only refine (VIX9D, VIX3M, VVIX), as far as they are listed.
    """

    known: int = -1
    at: datetime | None = None
    spx: int | None = None
    vix: int | None = None
    futures: tuple[int, ...] = ()
    volatility: tuple[int, ...] = ()

    def renewed(self, market: Market, now: datetime, futures_class: str) -> Reference:
        """These ids while they are good, else a new search."""
        young = self.at is not None and (now - self.at).total_seconds() < RENEW_S
        if self.known == len(market.instruments) and young:
            return self
        spx, vix = market.index("SPX"), market.index("VIX")
        return Reference(
            known=len(market.instruments),
            at=now,
            spx=None if spx is None else spx.con_id,
            vix=None if vix is None else vix.con_id,
            futures=tuple(f.con_id for f in market.futures(futures_class)),
            volatility=tuple(i.con_id for symbol in VOLATILITY_SERIES if (i := market.index(symbol)) is not None),
        )

    def listed_futures(self, market: Market) -> tuple[Future, ...]:
        """The futures by expiry."""
        found = (market.instruments.get(con_id) for con_id in self.futures)
        return tuple(f for f in found if isinstance(f, Future))
