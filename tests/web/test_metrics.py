"""Metrics: names with units, nothing invented for what is unknown, and a dashboard that asks only for what exists."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.web.gathered import Gathered, Look
from tests.web.asgi import BEARER, Desk
from tests.web.played import morning

GRAFANA = Path(__file__).resolve().parents[2] / "docs/grafana-dashboard.json"
UNITS = ("_usd", "_points", "_pct", "_n", "_seconds", "_usd_per_vix_point", "_usd_per_day", "_pct_month")
COUNTS = (
    "stress_tier", "market_data_lines", "journal_seq", "trading_state", "link_state", "regime", "paused",
    "open_condors", "working_orders",
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def played() -> None:
    """The morning is played before any test's own loop runs."""
    morning()


class Fixed(Gathered):
    """Always the same look."""

    def __init__(self, look: Look | None) -> None:
        super().__init__(lambda: 0)
        self._look = look

    def look(self) -> Look | None:
        return self._look


async def scrape(tmp_path: Path, look: Look | None) -> dict[str, dict[tuple[str, ...], float]]:
    """Sample name to label values to value."""
    answer = await Desk(tmp_path, Fixed(look)).ask("GET", "/metrics", BEARER)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain")
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(answer.body.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
    return found


async def test_a_scrape_tells_the_newest_view(tmp_path: Path) -> None:
    """State, money, caps and counters, each under a name that ends in its unit or counts something."""
    found = await scrape(tmp_path, morning()["held"])
    assert found["condor_trading_state"] == {
        ("active",): 1.0,
        ("reducing",): 0.0,
        ("flattening",): 0.0,
        ("halted",): 0.0,
    }
    assert found["condor_link_state"][("up",)] == 1.0
    assert found["condor_open_condors"][()] == 1.0
    assert found["condor_net_liquidation_usd"][()] > 400_000
    assert found["condor_orders_reviewed_total"][("approved",)] >= 2.0
    assert found["condor_cap_full_pct"][("C05", "open condors")] > 30.0
    for name in found:
        plain = name.removeprefix("condor_")
        assert plain.endswith((*UNITS, "_total")) or plain in COUNTS, name


async def test_what_is_unknown_is_left_out(tmp_path: Path) -> None:
    """No zero stands for a missing figure; before the first step only the process's own counters are told."""
    blind = await scrape(tmp_path, morning()["blind"])
    assert blind["condor_link_state"][("up",)] == 0.0
    assert ("C18", "stress grid") not in blind["condor_cap_full_pct"]
    assert set(await scrape(tmp_path, None)) == {"condor_browsers_dropped_total"}


async def test_the_grafana_dashboard_asks_for_metrics_that_exist(tmp_path: Path) -> None:
    """Every name in its queries is told by a scrape."""
    queries = [t["expr"] for panel in json.loads(GRAFANA.read_text())["panels"] for t in panel.get("targets", ())]
    assert len(queries) >= 10
    found = await scrape(tmp_path, morning()["held"])
    for query in queries:
        for name in re.findall(r"condor_\w+", query):
            assert name in found, name


async def test_a_scrape_needs_the_token(tmp_path: Path) -> None:
    """Money is not told to whoever asks."""
    assert (await Desk(tmp_path).ask("GET", "/metrics")).status == 403


@pytest.mark.parametrize("name", ["working", "blind", "killed"])
async def test_every_state_can_be_scraped(tmp_path: Path, name: str) -> None:
    """No state leaves the scrape without an answer."""
    assert "condor_steps_total" in await scrape(tmp_path, morning()[name])
