"""Exchange and broker in one: contracts, orders, matching, accounts, settlement and the independent ledger."""

from bot.sim.venue.broker import BrokerRules
from bot.sim.venue.ledger import Ledger
from bot.sim.venue.matching import FillModel
from bot.sim.venue.sim import SimVenue

__all__ = ["BrokerRules", "FillModel", "Ledger", "SimVenue"]
