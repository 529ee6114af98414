"""What `/metrics` tells: gauges of the newest view and counters of this process, in a registry of their own.

Names carry their unit. A figure that is not known is left out, never zero. The newest view is read when a scrape comes;
nothing is measured in the trading loop for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.web.gathered import Gathered
from bot.web.view.numbers import Json

STATES = ("active", "reducing", "flattening", "halted")
LINKS = ("down", "connecting", "syncing", "up", "degraded")
REGIMES = ("unknown", "contango", "flat", "backwardation", "deep_backwardation")

GAUGES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("net_liquidation_usd", "Net liquidation value of the account", ("money", "net_liquidation_usd")),
    ("excess_liquidity_usd", "Excess liquidity of the account", ("money", "excess_liquidity_usd")),
    ("initial_margin_usd", "Initial margin of the account", ("money", "initial_margin_usd")),
    ("day_change_usd", "Net liquidation less the day's start", ("money", "day_change_usd")),
    ("week_change_usd", "Net liquidation less the week's start", ("money", "week_change_usd")),
    ("condors_open_usd", "Open result of the condors at mid", ("money", "condors_open_usd")),
    ("hedge_open_usd", "Open result of the hedge at mid", ("money", "hedge_open_usd")),
    ("commissions_today_usd", "Commissions of today's executions", ("money", "commissions_today_usd")),
    ("spx_points", "Level of SPX", ("market", "spx", "points")),
    ("vix_points", "Level of VIX", ("market", "vix", "points")),
    ("curve_slope_pct_month", "Slope of the first two VIX futures, T-REG-1", ("market", "slope_pct_month")),
    ("front_minus_second_points", "First less second VIX future", ("market", "front_minus_second_points")),
    ("stress_tier", "Stress tier, 0 calm to 3 crisis", ("market", "tier")),
    ("net_vega_n", "Net vega, points per share per condor and 10 points of wing", ("lattice", "vega", "net_n")),
    ("net_vega_low_n", "Floor of the band of net vega", ("lattice", "vega", "low_n")),
    ("net_vega_high_n", "Cap of the band of net vega", ("lattice", "vega", "high_n")),
    ("net_vega_usd_per_vix_point", "Net vega", ("lattice", "vega", "net_usd_per_vix_point")),
    ("hedge_carry_usd_per_day", "Carry of the hedge at an unchanged curve", ("lattice", "vega", "carry_usd_per_day")),
    ("spx_quote_age_seconds", "Age of the newest SPX level", ("bar", "spx_age_s")),
    ("market_data_lines", "Market data lines in use", ("bar", "lines")),
    ("journal_seq", "Sequence number of the newest fact", ("seq",)),
)

COUNTERS: tuple[tuple[str, str, str, str | None], ...] = (
    ("fills", "Executions heard", "fills", None),
    ("quotes", "Quotes looked at", "quotes", None),
    ("link_changes", "Changes of the broker link", "link_changes", None),
    ("orders_reviewed", "Orders the gate answered", "approved", "verdict"),
    ("orders_reviewed", "Orders the gate answered", "denied", "verdict"),
    ("decisions", "Decisions recorded", "decisions_act", "verdict"),
    ("decisions", "Decisions recorded", "decisions_hold", "verdict"),
    ("decisions", "Decisions recorded", "decisions_decline", "verdict"),
    ("alerts", "Alerts by level", "alerts_info", "level"),
    ("alerts", "Alerts by level", "alerts_warning", "level"),
    ("alerts", "Alerts by level", "alerts_critical", "level"),
)
"""Name, help, what is counted in `Gathered`, and the label that tells its last word."""


class Metrics(Collector):
    """Makes the families at each scrape."""

    def __init__(self, gathered: Gathered, view: Callable[[], Json | None], dropped: Callable[[], int]) -> None:
        self._gathered, self._view, self._dropped = gathered, view, dropped
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(self)

    def describe(self) -> list[Metric]:
        """Nothing beforehand: a scrape would otherwise be made at registration."""
        return []

    def exposition(self) -> tuple[bytes, str]:
        """The text of a scrape and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    def collect(self) -> Iterator[Metric]:
        """All families of the newest view."""
        look = self._gathered.look()
        if look is not None:
            yield from _counters({**look.counts})
            yield CounterMetricFamily("condor_steps", "Facts handled by this process", value=look.steps)
        yield CounterMetricFamily("condor_browsers_dropped", "Browsers that were too slow", value=self._dropped())
        view = self._view()
        if view is None:
            return
        for name, text, path in GAUGES:
            value = _at(view, path)
            if isinstance(value, int | float):
                yield GaugeMetricFamily(f"condor_{name}", text, value=float(value))
        yield _one_of("trading_state", "1 for the trading state in force", "state", STATES, view["bar"]["state"])
        yield _one_of("link_state", "1 for the state of the broker link", "state", LINKS, view["bar"]["link"]["state"])
        yield _one_of("regime", "1 for the regime of the curve", "regime", REGIMES, view["market"]["regime"])
        yield GaugeMetricFamily("condor_paused", "1 while entries are paused", value=float(view["bar"]["paused"]))
        yield from _caps(view)
        yield GaugeMetricFamily("condor_open_condors", "Condors that hold something", value=_open(view))
        yield GaugeMetricFamily(
            "condor_working_orders", "Orders that may still trade", value=float(sum(o["live"] for o in view["orders"]))
        )


def _counters(counts: dict[str, int]) -> Iterator[Metric]:
    families: dict[str, CounterMetricFamily] = {}
    for name, text, key, label in COUNTERS:
        family = families.get(name)
        if family is None:
            labels = [label] if label is not None else []
            family = families[name] = CounterMetricFamily(f"condor_{name}", text, labels=labels)
        family.add_metric([key.rpartition("_")[2]] if label is not None else [], counts.get(key, 0))
    yield from families.values()


def _one_of(name: str, text: str, label: str, words: tuple[str, ...], now: str) -> Metric:
    family = GaugeMetricFamily(f"condor_{name}", text, labels=[label])
    for word in words:
        family.add_metric([word], float(word == now))
    return family


def _caps(view: Json) -> Iterator[Metric]:
    full = GaugeMetricFamily("condor_cap_full_pct", "How near a cap is, 100 is met", labels=["code", "name"])
    for cap in view["caps"]:
        if cap["full_pct"] is not None:
            full.add_metric([cap["code"], cap["name"]], cap["full_pct"])
    yield full


def _open(view: Json) -> float:
    return float(sum(1 for condor in view["condors"] if condor["units"]))


def _at(view: Json, path: tuple[str, ...]) -> object:
    found: object = view
    for part in path:
        found = found.get(part) if isinstance(found, dict) else None
    return found
