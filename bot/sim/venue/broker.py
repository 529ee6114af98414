"""What a broker of this kind allows: limits on working orders, on prices and on accounts, as values a run can set.

Rules are checked after the order's form and before its margin. Source: IB's order placement considerations and the
texts of its refusals; the numbers of the price checks are ours (IB publishes none).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.sim.order_terms import OrderType
from bot.sim.types import ContractSpec, Leg, OrderTicket, Reject, SecType, Side
from bot.sim.venue import rejects
from bot.sim.venue.matching import natural_of
from bot.sim.venue.orders import Working, legs_of
from bot.sim.venue.quotes import NetMarket


@dataclass(frozen=True, slots=True)
class BrokerRules:
    """The broker's rules of one run.

    `orders_per_side` is the most orders that may work on one side of one contract in one account; `both_sides_refused`
    whether an order against one's own on the same option is refused; `riskless_refused` whether a combination that
    cannot lose is. A limit that reaches further through the natural than `cap_points` and `cap_part` of the market is
    capped, with notice 2161; further than `band_points` and `band_part` it is refused. Symbols in `hard_to_borrow` are
    located for `locate_s` market seconds before they are sold short; those in `restricted` are not traded.
    `cash_accounts` hold no short positions and borrow nothing. `liquidates` closes positions when excess liquidity runs
    out; `warn_at_cushion` is the share of excess liquidity in net liquidation value below which the ledger warns.
    `interest_per_year` is credited on positive cash and charged on negative, a 360th a day. `tells_tif_preset` sends
    notice 10349 when an order has no time in force, as gateways since 10.20 do and many clients take for a cancel.
    """

    orders_per_side: int = 15
    both_sides_refused: bool = True
    riskless_refused: bool = True
    cap_points: float = 25.0
    cap_part: float = 0.5
    band_points: float = 1000.0
    band_part: float = 20.0
    hard_to_borrow: frozenset[str] = frozenset()
    locate_s: float = 120.0
    restricted: frozenset[str] = frozenset()
    cash_accounts: frozenset[str] = frozenset()
    liquidates: bool = True
    warn_at_cushion: float = 0.1
    interest_per_year: float = 0.0
    tells_tif_preset: bool = False


def refuse(
    rules: BrokerRules, ticket: OrderTicket, working: Iterable[Working], held: dict[int, int], net: NetMarket
) -> Reject | None:
    """The first rule that the order breaks, or None. `working` are the account's other live orders, `held` its signed
    contracts by contract id, `net` the market for action BUY."""
    legs = legs_of(ticket)
    others = [item for item in working if item.ticket.account == ticket.account]
    if any(leg.spec.symbol in rules.restricted for leg in legs):
        return rejects.RESTRICTED
    if ticket.account in rules.cash_accounts and _sells_short(ticket, legs, held):
        return rejects.short_in_cash_account()
    if _same_side(ticket, legs, others) >= rules.orders_per_side:
        return rejects.too_many_orders(rules.orders_per_side)
    if rules.both_sides_refused and _meets_own_order(ticket, legs, others):
        return rejects.BOTH_SIDES
    if rules.riskless_refused and ticket.is_bag and is_riskless(ticket):
        return rejects.RISKLESS
    beyond = points_beyond(ticket, net)
    if beyond is not None and beyond > _reach(ticket, net, rules.band_points, rules.band_part):
        return rejects.too_far(ticket.limit or 0.0, natural_of(net, ticket.side) or 0.0)
    return None


def cap_of(rules: BrokerRules, ticket: OrderTicket, net: NetMarket) -> float | None:
    """Where a limit that reaches far through the market is capped, None for one that does not."""
    natural, beyond = natural_of(net, ticket.side), points_beyond(ticket, net)
    reach = _reach(ticket, net, rules.cap_points, rules.cap_part)
    if natural is None or beyond is None or beyond <= reach:
        return None
    return round(natural + ticket.side.sign * reach, 2)


def needs_locate(rules: BrokerRules, ticket: OrderTicket, held: dict[int, int]) -> bool:
    """Whether shares must be found before the order can work: a short sale of a symbol that is hard to borrow."""
    spec = ticket.legs[0].spec
    if ticket.is_bag or spec.sec_type is not SecType.STOCK or spec.symbol not in rules.hard_to_borrow:
        return False
    return ticket.side is Side.SELL and held.get(spec.con_id, 0) < ticket.quantity


def _reach(ticket: OrderTicket, net: NetMarket, points: float, part: float) -> float:
    """Points through the natural: so many, or that part of the natural if it is more."""
    return max(points, part * abs(natural_of(net, ticket.side) or 0.0))


def points_beyond(ticket: OrderTicket, net: NetMarket) -> float | None:
    """How far the limit reaches through the natural in points (negative: not at all); None without either."""
    natural = natural_of(net, ticket.side)
    if ticket.order_type is not OrderType.LIMIT or ticket.limit is None or natural is None:
        return None
    return ticket.side.sign * (ticket.limit - natural)


def _sells_short(ticket: OrderTicket, legs: Sequence[Leg], held: dict[int, int]) -> bool:
    return any(
        held.get(leg.spec.con_id, 0) + change < 0 and change < 0
        for leg in legs
        for change in (ticket.side.sign * leg.side.sign * leg.ratio * ticket.quantity,)
    )


def _key(legs: Sequence[Leg]) -> frozenset[tuple[int, int]]:
    return frozenset((leg.spec.con_id, leg.side.sign * leg.ratio) for leg in legs)


def _same_side(ticket: OrderTicket, legs: Sequence[Leg], others: Iterable[Working]) -> int:
    key = _key(legs)
    return sum(item.ticket.side is ticket.side and _key(item.legs) == key for item in others)


def _meets_own_order(ticket: OrderTicket, legs: Sequence[Leg], others: Iterable[Working]) -> bool:
    """Whether another live order would trade one of these options the other way; a bracket's own orders do not
    count."""
    mine = {leg.spec.con_id: ticket.side.sign * leg.side.sign for leg in legs if _is_option(leg.spec)}
    for item in others:
        if _one_family(ticket, item.ticket):
            continue
        for leg in item.legs:
            if mine.get(leg.spec.con_id, 0) * item.ticket.side.sign * leg.side.sign < 0:
                return True
    return False


def _is_option(spec: ContractSpec) -> bool:
    return spec.sec_type is SecType.OPTION


def _one_family(first: OrderTicket, second: OrderTicket) -> bool:
    if first.client_id != second.client_id:
        return False
    parents = {first.parent_id or first.order_id, second.parent_id or second.order_id}
    return len(parents) == 1


def is_riskless(ticket: OrderTicket) -> bool:
    """Whether a combination at its limit cannot lose, whatever its options settle at: all of one class and expiry."""
    legs = legs_of(ticket)
    if ticket.limit is None or not all(_is_option(leg.spec) for leg in legs):
        return False
    if len({(leg.spec.trading_class, leg.spec.expiry) for leg in legs}) != 1:
        return False
    sign = ticket.side.sign
    return worst_payoff(legs, sign) - sign * ticket.limit >= -1e-9


def worst_payoff(legs: Sequence[Leg], sign: int) -> float:
    """The least that one unit can be worth at expiry in points, for action BUY (`sign` 1) or SELL (-1); minus infinity
    where more calls are sold than bought."""
    signed = [(leg, sign * leg.side.sign * leg.ratio) for leg in legs]
    if sum(units for leg, units in signed if leg.spec.right == "C") < 0:
        return float("-inf")
    strikes = [0.0, *(leg.spec.strike or 0.0 for leg in legs)]
    return min(sum(units * _payoff(leg.spec, level) for leg, units in signed) for level in strikes)


def _payoff(spec: ContractSpec, level: float) -> float:
    strike = spec.strike or 0.0
    return max(0.0, level - strike if spec.right == "C" else strike - level)
