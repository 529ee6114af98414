"""Same world, same seed, same bytes: bot and gateway over the in-memory transport, both directions."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from bot.sim.memory_transport import MemoryTransport
from bot.sim.venue.matching import FillModel
from tests.flow.virtual_life import BUSY, Stage, tell

WORLD = str(Path(__file__).with_name("crash_days.toml"))
MORNING = "2026-03-02T10:28:30-05:00"
EAGER = FillModel(mid_per_minute=6.0)


def bytes_of(place: Path, seed: int, minutes: float, monkeypatch: pytest.MonkeyPatch) -> tuple[str, bytes]:
    """A hash over everything written by either end, in order with who wrote it, and the bytes themselves."""
    place.mkdir()
    digest, kept = hashlib.sha256(), bytearray()
    write = MemoryTransport.write

    def heard(self: MemoryTransport, data: bytes) -> None:
        digest.update(repr((self.get_extra_info("sockname"), self.get_extra_info("peername"), len(data))).encode())
        digest.update(data)
        kept.extend(data)
        write(self, data)

    async def story(stage: Stage) -> None:
        stage.begin()
        await stage.until(lambda state: any(o.perm_id for o in state.book.orders.values()), "an order is known")
        await stage.live_on(minutes)

    with monkeypatch.context() as patch:
        patch.setattr(MemoryTransport, "write", heard)
        tell(story, place, WORLD, fills=EAGER, begin=MORNING, settings=BUSY, tick_s=30.0, seed=seed)
    return digest.hexdigest(), bytes(kept)


def test_the_same_seed_gives_the_same_bytes_on_the_wire(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs write the same bytes in the same order, up to an order that the gateway knows."""
    first, said = bytes_of(tmp_path / "first", 7, 0.5, monkeypatch)
    again, _ = bytes_of(tmp_path / "again", 7, 0.5, monkeypatch)
    assert first == again
    assert b"ic-20260302-1.entry.1" in said
    assert len(said) > 50_000


@pytest.mark.slow
def test_half_an_hour_of_orders_is_the_same_and_another_seed_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Condors sold, closed and sold again: still the same bytes; another seed writes others."""
    first, _ = bytes_of(tmp_path / "first", 7, 30.0, monkeypatch)
    again, _ = bytes_of(tmp_path / "again", 7, 30.0, monkeypatch)
    other, _ = bytes_of(tmp_path / "other", 8, 30.0, monkeypatch)
    assert first == again
    assert first != other
