"""Settings by lot: caps so tight and guards so quick that a control acts within a few market minutes.

The judges keep the caps of the shipped configuration, which no twist is above.
"""

from __future__ import annotations

import json
from typing import NamedTuple

WINDOWS = ("MON 10:42-10:44", "MON 11:57-11:59", "MON 14:22-14:24")
"""Nothing leaves from ten minutes before: some minutes after the moments at which seeds begin."""


class Twist(NamedTuple):
    """`first` are assignments for the bot's configuration, `later` more of them from its second life on; `fills` is how
    orders fill where it takes a certain way, empty where any will do."""

    name: str
    first: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    fills: str = ""


NO_TWIST = Twist("as usual")

TWISTS = (
    Twist("C03 small hedge orders", ("risk.order_quantity_condors=1", "risk.order_quantity_hedge=1")),
    Twist("C04 small losses of an order", ("risk.order_loss_pct=0.3",)),
    Twist("C07 small losses together",
          ("risk.condor_loss_soft_pct=0.5", "risk.condor_loss_hard_pct=0.6", "risk.all_condors_loss_soft_pct=0.7",
           "risk.all_condors_loss_hard_pct=0.8")),
    Twist("C08 small hedge", ("alvh.enabled=true", "risk.hedge_layer_loss_pct=0.2")),
    Twist("C11 narrow collar", ("risk.collar_open_low_pct_of_mid=99", "risk.collar_open_high_pct_of_mid=100"),
          fills="never"),
    Twist("C12 coarse ticks", ("risk.combo_tick_points=0.1",)),
    Twist("C15 narrow spreads", ("risk.spread_points=0.05", "risk.spread_pct_of_mid=1")),
    Twist("C15 quiet index", ("risk.guards.index_jump_sigmas=3",)),
    Twist("C15 close forward", ("risk.guards.forward_gap_pct=0.1",)),
    Twist("C17 little delta", ("risk.guards.delta_per_condor=0.02",)),
    Twist("C17 little vega", ("risk.vega_over_short=0.01", "risk.vega_over_long=0.01")),
    Twist("C18 small stress", ("risk.stress_loss_pct=0.3", "risk.crash_loss_pct=0.3")),
    Twist("C19 little margin", ("risk.margin_utilisation_pct=1",)),
    Twist("C20 dry powder", ("risk.dry_powder_pct=99",)),
    Twist("C24 one order a second", ("risk.orders_per_second=1",)),
    Twist("C25 one order a minute", ("risk.orders_per_minute=1", "condor.orders.step_s=15"), fills="never"),
    Twist("C25 two orders a day", ("risk.orders_per_day=2",), fills="never"),
    Twist("C25 one price a walk", ("risk.reprices_per_order=1",), fills="never"),
    Twist("C26 one opening a day", ("risk.guards.identical_opens_per_day=1",)),
    Twist("C26 one round trip an hour", ("risk.guards.round_trips_per_hour=1",)),
    Twist("C27 long memory", ("risk.duplicate_window_s=600", "risk.duplicate_ticks=20",
                              "risk.guards.duplicates_before_latch=1")),
    Twist("C36 young indices", ("risk.index_age_s=1",)),
    Twist("C39 maintenance", (f"risk.guards.maintenance_windows={json.dumps(WINDOWS)}",)),
    Twist("C52 model to the percent", ("risk.guards.model_vega_pct=1",)),
    Twist("C55 small sizes", ("risk.guards.shown_size_pct=1",)),
    Twist("C56 no tolerance", ("alvh.enabled=true", "risk.hedge_stress_tolerance_pct=0")),
)  # fmt: skip
"""Each named after the control that it is meant to move; others may act first."""

AFTER_A_DEATH = (
    Twist("C47 looser later", ("risk.orders_per_day=20",), ("risk.orders_per_day=60",)),
    Twist("C47 stricter later", (), ("risk.orders_per_day=5",)),
)
"""For seeds in which the bot dies and comes back."""

AFTER_THE_CLOSE = (
    Twist("C51 every cent", ("risk.guards.result_difference_usd=0.01",)),
    Twist("C53 every dollar", ("risk.guards.cash_difference_usd=0.01",)),
)
"""For seeds that live through the close."""
