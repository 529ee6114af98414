"""The broker's refusals: codes and words of the protocol, in one place.

Rules: what the gateway itself refuses has no status afterwards (nothing was placed); what the broker refuses (201, 203)
leaves an Inactive order. A text of ours that explains follows IB's, never replaces it.
"""

from __future__ import annotations

from bot.sim.order_terms import OrderStatus
from bot.sim.types import Reject


def invalid(cause: str) -> Reject:
    """321: the gateway's validation failed."""
    return Reject(321, f"Error validating request:-'b' : cause - {cause}")


def rejected(reason: str) -> Reject:
    """201: the broker says no; the order stays Inactive."""
    return Reject(201, f"Order rejected - reason:{reason}", OrderStatus.INACTIVE)


def unsupported_type(word: str, why: str = "") -> Reject:
    """387: an order type that is not taken for this contract."""
    told = f" ({word}: {why})" if why else f" ({word})"
    return Reject(387, f"Unsupported order type for this exchange and security type.{told}")


OFF_GRID = Reject(110, "The price does not conform to the minimum price variation for this contract.")
NO_SIZE = Reject(434, "The order size cannot be zero.")
FRACTION = Reject(
    10243, "Fractional-sized order cannot be placed via API. Please use desktop version to place this order."
)
CASH_QUANTITY = Reject(10244, "Cash Quantity cannot be used for this order")
NO_ACCOUNT = Reject(435, "You must specify an account.")
NOT_AN_ADVISOR = Reject(344, "The account logged into is not a financial advisor account.")
TIF_AND_TYPE = Reject(111, "The TIF (Tif type) and the order type are incompatible.")
CLOSE_TIF = Reject(113, "The Tif option should be set to DAY for MOC and LOC orders.")
NO_TRAIL = Reject(158, "You must specify an offset amount or a percent offset value.")
TRAIL_PERCENT = Reject(159, "The percent offset value must be between 0% and 100%.")
STOP_PRICE = Reject(403, "Invalid stop price.")
TRIGGER_METHOD = Reject(146, "Invalid trigger method.")
GOOD_TILL_DATE = Reject(334, "Invalid Good Till Date order")
BAD_TIME = Reject(
    343, "The date, time, or time-zone entered is invalid. The correct format is yyyymmdd hh:mm:ss xxx (or UTC: "
    "yyyymmdd-hh:mm:ss)"
)  # fmt: skip
COMBO_GOOD_AFTER = Reject(349, 'Generic combo does not support "Good After" attribute.')
COMBO_MIN_QUANTITY = Reject(350, "Minimum quantity is not supported for best combo order.")
COMBO_OCA = Reject(359, "Combo order only supports reduce on fill without block(OCA).")
CONDITIONS = Reject(402, "Conditions are not allowed for this contract. (order conditions are not simulated)")
NO_ALGO = Reject(439, "Order processing failed. Algorithm definition not found.")
ALGO_NOT_ALLOWED = Reject(442, "Specified algorithm is not allowed for this order.")
VOLATILITY = Reject(
    371,
    "VOL order requires positive floating point value for volatility. Do not set it for other order types.",
)
DISCRETIONARY = Reject(325, "Discretionary orders are not supported for this combination of exchange and order type.")
NO_PARENT = Reject(10006, "Missing parent order.")
LEG_PRICES = Reject(
    10058,
    "Combo per-leg prices are only supported for non-guaranteed smart combos with two legs and the "
    '"IECOMBOPERLEGPRICE" feature enabled. (send one price for the order)',
)
NO_LEGS = Reject(321, "Error validating request:-'b' : cause - Security type 'BAG' requires combo leg details.")
NOT_TRADABLE = Reject(412, "The contract is not available for trading.")
RESTRICTED = Reject(203, "The security is not available or allowed for this account.", OrderStatus.INACTIVE)
EXPIRED = rejected("This contract has expired or no longer trades.")
RISKLESS = rejected("Riskless combination orders are not allowed.")
BOTH_SIDES = rejected("Cannot have open orders on both sides of the same US Option contract.")
NO_TYPE_CHANGE = Reject(329, "Order modify failed. Cannot change to the new order type.")
ACCOUNT_CHANGE = Reject(422, "The account and clearing attributes on this order may not be changed.")
MISMATCH = Reject(105, "Order being modified does not match original order")
NOT_CANCELLABLE = Reject(136, "This order cannot be cancelled.")


def too_many_orders(most: int) -> Reject:
    """201: so many orders already work on one side of the contract."""
    return rejected(
        f"Your account has a minimum of {most} orders working on either the buy or sell side for this particular "
        "contract"
    )


def short_in_cash_account() -> Reject:
    """201: a cash account holds no short position."""
    return rejected("Short positions are not allowed in a cash account.")


def too_far(limit: float, market: float) -> Reject:
    """201: a limit that nobody can mean."""
    return rejected(f"The limit price {limit:g} is too far through the market at {market:g}.")


def capped_text(what: str, cap: float) -> str:
    """Text of notice 2161: a price that is worked no further than a cap."""
    return (
        f"{what}  In accordance with our regulatory obligations as a broker, we will initially cap (or limit) the "
        f"price of your Limit Order to {cap:.2f} or a more aggressive price still within your specified limit price."
    )


def margin(equity_usd: float, initial_usd: float) -> Reject:
    """201: the account cannot carry the position."""
    return rejected(
        "YOUR ORDER IS NOT ACCEPTED. IN ORDER TO OBTAIN THE DESIRED POSITION YOUR EQUITY WITH LOAN VALUE "
        f"[{equity_usd:.2f} USD] MUST EXCEED THE INITIAL MARGIN [{initial_usd:.2f} USD]"
    )


LOCATING_TEXT = (
    "Shares for this order are not immediately available for short sale. The order will be held while we attempt to "
    "locate the shares."
)
"""Text of notice 404."""
