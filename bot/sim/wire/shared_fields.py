"""Field groups that several client messages share: the twelve contract fields and combo legs."""

from __future__ import annotations

from bot.sim.wire.fields import FieldReader
from bot.sim.wire.requests import ComboLegQuery, ContractQuery


def contract(read: FieldReader) -> ContractQuery:
    """The twelve contract fields of a request."""
    return ContractQuery(
        con_id=read.integer("conId"),
        symbol=read.text("symbol"),
        sec_type=read.text("secType"),
        expiry=read.text("lastTradeDateOrContractMonth"),
        strike=read.number("strike"),
        right=read.text("right"),
        multiplier=read.text("multiplier"),
        exchange=read.text("exchange"),
        primary_exchange=read.text("primaryExchange"),
        currency=read.text("currency"),
        local_symbol=read.text("localSymbol"),
        trading_class=read.text("tradingClass"),
    )


def combo_legs(read: FieldReader, *, with_order_fields: bool = False) -> tuple[ComboLegQuery, ...]:
    """A counted list of legs: four fields each, eight in an order."""
    legs = []
    for number in range(1, read.count("number of combo legs") + 1):
        leg = ComboLegQuery(
            con_id=read.integer(f"leg {number} conId"),
            ratio=read.integer(f"leg {number} ratio"),
            action=read.text(f"leg {number} action"),
            exchange=read.text(f"leg {number} exchange"),
        )
        if with_order_fields:
            read.integer(f"leg {number} openClose")
            read.integer(f"leg {number} shortSaleSlot")
            read.text(f"leg {number} designatedLocation")
            read.integer(f"leg {number} exemptCode")
        legs.append(leg)
    return tuple(legs)
