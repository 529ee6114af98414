"""Account summaries: chosen figures of every account, and the ledgers of all accounts together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from bot.sim.desk.account_book import ALL, AccountBook
from bot.sim.desk.account_figures import BASE, USD, Figure
from bot.sim.desk.client import DeskClient
from bot.sim.ports import Venue
from bot.sim.wire import encode
from bot.sim.wire import requests as ask

MOST_SUMMARIES = 2
"""Summaries that a client may have at a time."""
_TAGS = frozenset({
    "AccountType", "AccruedCash", "AvailableFunds", "BuyingPower", "Cushion", "DayTradesRemaining",
    "EquityWithLoanValue", "ExcessLiquidity", "FullAvailableFunds", "FullExcessLiquidity", "FullInitMarginReq",
    "FullMaintMarginReq", "GrossPositionValue", "HighestSeverity", "InitMarginReq", "Leverage",
    "LookAheadAvailableFunds", "LookAheadExcessLiquidity", "LookAheadInitMarginReq", "LookAheadMaintMarginReq",
    "LookAheadNextChange", "MaintMarginReq", "NetLiquidation", "PreviousDayEquityWithLoanValue", "RegTEquity",
    "RegTMargin", "SMA", "SettledCash", "TotalCashValue",
})  # fmt: skip
_LEDGERS = {"$LEDGER": (BASE,), "$LEDGER:ALL": (BASE, USD), f"$LEDGER:{USD}": (USD,)}
"""Currencies of the ledgers that a tag stands for."""


@dataclass(slots=True, eq=False)
class Summary:
    """One summary of one client; `told` is what each figure was last, by account, key and currency."""

    client: DeskClient
    request_id: int
    tags: frozenset[str]
    told: dict[tuple[str, str, str], str] = field(default_factory=dict)


class SummaryDesk:
    """Answers summaries and sends what changes; tags that do not exist are left out, as at IB."""

    def __init__(self, venue: Venue, book: AccountBook) -> None:
        self._venue = venue
        self._book = book
        self._summaries: dict[tuple[int, int], Summary] = {}

    def open(self, client: DeskClient, request: ask.AccountSummary) -> None:
        """reqAccountSummary: the figures, then the end; 321 for a group that does not exist, 322 for an id in use or
        one summary too many."""
        own = [summary for summary in self._summaries.values() if summary.client is client]
        if any(summary.request_id == request.request_id for summary in own):
            text = f"Error processing request: duplicate request id {request.request_id} for account summary"
            client.error(request.request_id, 322, text)
        elif request.group not in ("", ALL):
            text = f"group {request.group!r} does not exist, this is no advisor account: use {ALL}"
            client.error(request.request_id, 321, f"Error validating request: {text}")
        elif len(own) >= MOST_SUMMARIES:
            cause = "Maximum number of account summary requests exceeded; desubscribe to previous request first"
            client.error(request.request_id, 322, f"Error processing request.-'b1' : cause - {cause}")
        else:
            summary = Summary(client, request.request_id, frozenset(request.tags))
            self._summaries[client.client_id, request.request_id] = summary
            self._tell(summary)
            client.send(encode.ending(64, request.request_id))

    def close(self, client: DeskClient, request: ask.CancelAccountSummary) -> None:
        """cancelAccountSummary, 300 for an id not in use."""
        if self._summaries.pop((client.client_id, request.request_id), None) is None:
            client.error(request.request_id, 300, f"Can't find EId with tickerId:{request.request_id}")

    def close_all(self, client: DeskClient) -> None:
        """Ends every summary of a client that has gone."""
        for key in [key for key, summary in self._summaries.items() if summary.client is client]:
            del self._summaries[key]

    def tell(self) -> None:
        """The accounts have moved: sends what changed."""
        for summary in self._summaries.values():
            self._tell(summary)

    def _tell(self, summary: Summary) -> None:
        for account, (key, value, currency) in self._rows(summary.tags):
            if summary.told.get((account, key, currency)) != value:
                summary.told[account, key, currency] = value
                summary.client.send(encode.account_summary(summary.request_id, account, key, value, currency))

    def _rows(self, tags: frozenset[str]) -> Iterable[tuple[str, Figure]]:
        plain = tags & _TAGS
        if plain:
            for account in self._venue.accounts:
                for figure in self._book.figures(self._book.view(account)):
                    if figure[0] in plain and figure[2] != BASE:
                        yield account, figure
        currencies = {currency for tag in tags for currency in _LEDGERS.get(tag, ())}
        for currency in sorted(currencies):
            for figure in self._book.money(self._venue.accounts, currency, ALL):
                yield ALL, figure
