"""The method's profiles are data: three files that load beside any other and differ from the default as they say."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest

from bot.settings.layers import flatten
from bot.settings.load import CONFIG_DIR, load
from bot.settings.models import known_keys

PROFILES = ("seeds", "book_30_110_220", "always_on")
SHORT, MIDDLE, DEEP = (f"alvh.lattice.{layer}" for layer in ("short", "intermediate", "deep"))


def changed(profile: str) -> dict[str, object]:
    """What is in force with a profile and differs from the default."""
    keys = known_keys()
    usual = flatten(msgspec.to_builtins(load(profile="paper", environ={}).parameters), keys)
    mine = flatten(msgspec.to_builtins(load(profile=profile, environ={}).parameters), keys)
    return {key: value for key, value in mine.items() if usual[key] != value}


def test_the_default_is_the_seeds_profile() -> None:
    """Written out and yet no change."""
    assert changed("seeds") == {}


def test_always_on_changes_one_thing() -> None:
    """The deep slots."""
    assert changed("always_on") == {"alvh.lattice.always_on": True}


def test_the_book_has_other_terms_and_half_deltas() -> None:
    """30, 110 and 220 days at half a delta; nothing but the lattice changes."""
    found = changed("book_30_110_220")
    assert {key.rpartition(".")[0] for key in found} == {MIDDLE, DEEP}
    book = load(profile="book_30_110_220", environ={}).parameters.alvh.lattice
    assert [layer.dte_target_days for layer in (book.short, book.intermediate, book.deep)] == [30, 110, 220]
    assert [layer.delta for layer in (book.short, book.intermediate, book.deep)] == [0.5, 0.5, 0.5]


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("beside", ["paper", "sim"])
def test_a_profile_lies_beside_another(name: str, beside: str) -> None:
    """As `--config config/NAME.toml`: what it says is in force, and the other's own settings stay."""
    file = CONFIG_DIR / f"{name}.toml"
    alone, both = load(profile=beside, environ={}), load(profile=beside, config=file, environ={})
    told = flatten(tomllib.loads(file.read_text()), known_keys())
    found = flatten(msgspec.to_builtins(both.parameters), known_keys())
    assert {key: found[key] for key in told} == told
    assert both.settings.broker == alone.settings.broker


def test_profiles_are_documented() -> None:
    """Each by its name on the hedge's page."""
    page = (Path(__file__).parents[2] / "docs" / "alvh.md").read_text()
    assert [name for name in PROFILES if f"`{name}`" not in page] == []
