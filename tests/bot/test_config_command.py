"""`condor config`: every setting shown with its origin, explained with what it overrides and what is allowed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.cli.config import config
from bot.settings.explain import allowed, below, explain
from bot.settings.load import load
from bot.settings.models import known_keys


def asked(*words: str, **variables: str) -> str:
    done = CliRunner().invoke(config, words, env=variables)
    assert done.exit_code == 0, done.output
    return done.output


def test_every_setting_can_be_explained() -> None:
    """Value, origin, meaning, what is allowed: none is empty for any key there is."""
    loaded = load(profile="paper", environ={})
    for key in known_keys() - {"schema_version", "profile"}:
        found = explain(loaded, key)
        assert found["meaning"], key
        assert found["from"].startswith("config/default.toml:"), key
        assert allowed(key) not in ("", "see its section"), key


def test_an_explanation_names_every_layer_that_was_overridden(tmp_path: Path) -> None:
    """File and line, variable, --set, newest first; the last one counts."""
    extra = tmp_path / "mine.toml"
    extra.write_text("[run]\npulse_s = 7.0\n")
    words = asked(
        "explain", "run.pulse_s", "--profile", "sim", "--config", str(extra), "--set", "run.pulse_s=9",
        CONDOR_RUN__PULSE_S="8", CONDOR_KILLER__ENABLED="false",
    ).splitlines()  # fmt: skip
    assert words[0] == "run.pulse_s = 9.0"
    assert words[2].split() == ["from", "--set"]
    instead = [line.split(" from ")[1] for line in words if "instead of" in line]
    assert [place.rsplit(":", 1)[0] for place in instead] == [
        "environment CONDOR_RUN__PULSE_S",
        str(extra),
        "config/sim.toml",
        "config/default.toml",
    ]
    assert ">= 1 and <= 300" in "\n".join(words)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("risk.order_loss_pct", "0.01 to 100; lower is stricter"),
        ("broker.port", "a whole number, >= 1 and <= 65535"),
        ("notify.levels.kill", "'off' or 'quiet' or 'normal' or 'urgent'"),
        ("run.log_level", "'debug' or 'info' or 'warning'"),
        ("web.enabled", "true or false"),
        ("condor.entry.window_from", "a time of day"),
        ("condor.entry.blackout_kinds", "a list, each a text"),
    ],
)
def test_what_is_allowed_is_in_words(key: str, words: str) -> None:
    """Bounds of the gate, ranges, choices, types."""
    assert allowed(key).startswith(words)


def test_rules_that_read_a_setting_are_named() -> None:
    """From the catalogue, wildcards included."""
    assert "C-ENTRY-2" in explain(load(profile="paper", environ={}), "condor.entry.delta_put")["rules"]


def test_a_section_is_shown_and_explained_whole() -> None:
    """`show` filters by it; `explain` of one key is one object, of a section a list."""
    shown = json.loads(asked("show", "killer", "--json"))
    assert set(shown) == set(below("killer"))
    assert shown["killer.client_id"]["value"] == 917
    assert len(json.loads(asked("explain", "killer", "--json"))) == len(shown)
    assert json.loads(asked("explain", "killer.hung_s", "--json"))["key"] == "killer.hung_s"
    assert len(json.loads(asked("show", "--json"))) > 200
    assert "--set" in asked("show", "web", "--set", "web.port=0")


def test_a_wrong_key_is_refused_with_the_nearest() -> None:
    """Usage error; a refused configuration is 78."""
    wrong = CliRunner().invoke(config, ["explain", "web.prot"])
    assert wrong.exit_code == 2
    assert "did you mean web.port" in wrong.output
    assert CliRunner().invoke(config, ["check", "--set", "web.prot=1"]).exit_code == 78
    assert "good" in asked("check")
