"""What a gateway remarks about an order that it takes: warnings that end nothing, with IB's codes and words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.sim.types import OrderTicket
from bot.sim.venue import broker, rejects
from bot.sim.venue.broker import BrokerRules
from bot.sim.venue.quotes import NetMarket


@dataclass(frozen=True, slots=True)
class Notice:
    """A remark for the owner of an order."""

    ticket: OrderTicket
    code: int
    text: str


def notices_of(
    ticket: OrderTicket,
    rules: BrokerRules,
    net: NetMarket,
    window: tuple[datetime, datetime],
    at: datetime,
    *,
    ignores_outside: bool,
) -> list[Notice]:
    """Every remark about an accepted order, in the order sent."""
    found = []
    if rules.tells_tif_preset and ticket.raw.get("tif", ticket.tif) == "":
        found.append(Notice(ticket, 10349, "Order TIF was set to DAY based on order preset."))
    if ignores_outside:
        found.append(
            Notice(
                ticket,
                2109,
                "Order Event Warning: Attribute 'Outside Regular Trading Hours' is ignored based on the order type and "
                "destination. PlaceOrder is now being processed.",
            )
        )
    cap = broker.cap_of(rules, ticket, net)
    if cap is not None:
        found.append(Notice(ticket, 2161, rejects.capped_text(_described(ticket), cap)))
    if at < window[0]:
        found.append(Notice(ticket, 399, _held_text(ticket, window[0])))
    return found


def _described(ticket: OrderTicket) -> str:
    return f"{ticket.side.value} {ticket.quantity} {ticket.legs[0].spec.symbol}"


def _held_text(ticket: OrderTicket, opens_at: datetime) -> str:
    return (
        f"Order Message:\n{_described(ticket)}\nWarning: your order will not be placed at the exchange until "
        f"{opens_at:%Y-%m-%d %H:%M:%S} US/Eastern"
    )
