"""Configuration: layers in their order, and refusals that name every mistake at once with place, bound and remedy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.settings.layers import ConfigError, Problem, flatten, read_toml
from bot.settings.load import CONFIG_DIR, Loaded, load
from bot.settings.models import known_keys

Load = Callable[..., Loaded]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A config directory of its own, as shipped but without a person's local.toml."""
    place = tmp_path / "config"
    place.mkdir()
    for name in ("default.toml", "paper.toml", "sim.toml", "events.toml"):
        shutil.copy(CONFIG_DIR / name, place / name)
    return place


@pytest.fixture
def loading(folder: Path) -> Load:
    def run(*assignments: str, profile: str = "paper", config: Path | None = None, **environ: str) -> Loaded:
        return load(
            profile=profile, config=config, assignments=assignments, environ=environ or {"PATH": "/bin"},
            config_dir=folder,
        )  # fmt: skip

    return run


def problems(loading: Load, *assignments: str, **rest: object) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as refused:
        loading(*assignments, **rest)
    return refused.value.problems


def only(found: tuple[Problem, ...]) -> str:
    assert len(found) == 1, [p.render() for p in found]
    return found[0].render()


# layers -------------------------------------------------------------------------------------------
def test_each_layer_overrides_the_one_below_key_by_key(folder: Path, loading: Load, tmp_path: Path) -> None:
    """default < profile < local < --config < environment < --set, and what a layer leaves out stays as it was."""
    extra = tmp_path / "mine.toml"
    assert loading().parameters.engine.snapshot_every_s == 30.0
    (folder / "paper.toml").write_text("[engine]\nsnapshot_every_s = 31.0\nprove_again_s = 4.0\n")
    assert loading().parameters.engine.snapshot_every_s == 31.0
    (folder / "local.toml").write_text("[engine]\nsnapshot_every_s = 32.0\n")
    assert loading().parameters.engine.snapshot_every_s == 32.0
    extra.write_text("[engine]\nsnapshot_every_s = 33.0\n")
    assert loading(config=extra).parameters.engine.snapshot_every_s == 33.0
    variable = {"CONDOR_ENGINE__SNAPSHOT_EVERY_S": "34.5"}
    assert loading(config=extra, **variable).parameters.engine.snapshot_every_s == 34.5
    told = loading("engine.snapshot_every_s=35", config=extra, **variable)
    assert told.parameters.engine.snapshot_every_s == 35.0
    assert told.parameters.engine.prove_again_s == 4.0
    assert told.parameters.engine.ack_deadline_s == 5.0


def test_a_table_in_a_later_layer_replaces_only_its_own_keys(loading: Load, tmp_path: Path) -> None:
    """Nested tables are merged, so naming one exit rule does not reset the others to built-in numbers."""
    extra = tmp_path / "mine.toml"
    extra.write_text("[condor.exit]\nhurdle_pct = 5.0\n[risk]\nopen_condors = 2\n")
    told = loading(config=extra, profile="sim")
    assert told.parameters.condor.exit.hurdle_pct == 5.0
    assert told.parameters.condor.exit.time_exit_dte_days == 21
    assert told.parameters.condor.orders.step_s == 45.0, "the profile's own table stays"
    assert (told.parameters.limits.open_condors, told.parameters.limits.quote_age_open_s) == (2, 31.0)


def test_the_origin_of_a_value_is_its_file_and_line_variable_or_option(loading: Load, tmp_path: Path) -> None:
    """`condor config show` can say where every effective value was written."""
    extra = tmp_path / "mine.toml"
    extra.write_text("# a comment\n[risk]\nopen_condors = 2\n")
    told = loading("run.pulse_s=7", config=extra, CONDOR_BROKER__PORT="4003")
    assert told.origin("risk.open_condors") == f"{extra}:3"
    assert told.origin("run.pulse_s") == "--set"
    assert told.origin("broker.port") == "environment CONDOR_BROKER__PORT"
    assert told.settings.broker.port == 4003
    assert told.origin("risk.order_loss_pct").startswith("config/default.toml:")


def test_every_key_of_the_shipped_files_is_known_and_every_known_key_is_shipped() -> None:
    """default.toml is the complete list of settings, and the profiles name nothing else."""
    known = known_keys()
    written = set(flatten(read_toml(CONFIG_DIR / "default.toml").values, known))
    assert written == known - {"profile"}
    for profile in ("paper.toml", "sim.toml"):
        assert set(flatten(read_toml(CONFIG_DIR / profile).values, known)) <= known


@pytest.mark.parametrize("profile", ["paper", "sim"])
def test_shipped_profiles_pass(loading: Load, profile: str) -> None:
    """Both profiles load, on the caps that the code documents for everything they do not name."""
    assert loading(profile=profile).parameters.limits.condor_loss_hard_pct == 3.0


def test_the_hash_names_the_effective_configuration(loading: Load) -> None:
    """Equal values give equal hashes wherever they were written; one changed number gives another."""
    assert loading().config_hash == loading("risk.open_condors=3").config_hash
    assert loading().config_hash != loading("risk.open_condors=2").config_hash


def test_values_of_variables_and_assignments_keep_their_types(loading: Load) -> None:
    """Text, lists, tables and times are read as TOML would, plain words as text."""
    told = loading(
        "condor.entry.window_from=10:15:00", 'macro.kinds=["FOMC"]', "condor.entry.blackout_hours={GDP=24.0}",
        CONDOR_ACCOUNT__ID="DU1234567",
    )  # fmt: skip
    assert told.parameters.condor.entry.window_from.minute == 15
    assert told.settings.macro.kinds == ("FOMC",)
    assert told.parameters.condor.entry.blackout_hours["GDP"] == 24.0
    assert told.settings.account.id == "DU1234567"


# refusals -----------------------------------------------------------------------------------------
def test_all_mistakes_are_told_at_once(loading: Load, tmp_path: Path) -> None:
    """A typo, a wrong type, caps out of range, a contradiction and a missing events file come in one answer."""
    extra = tmp_path / "mine.toml"
    extra.write_text(
        "[risk]\n"
        "opne_condors = 2\n"
        "order_loss_pct = 400.0\n"
        "daily_loss_halt_pct = nan\n"
        "weekly_loss_pct = -1.0\n"
        "[condor.entry]\n"
        "delta_put = 16\n"
        "[condor.exit]\n"
        "time_exit_dte_days = 35\n"
        "take_profit_pct_of_credit = 150.0\n"
        "[broker]\n"
        "port = 70000\n"
        '[macro]\nevents = "none.toml"\n'
    )
    found = {p.where: p.render() for p in problems(loading, config=extra)}
    assert set(found) == {f"{extra}:{line}" for line in (2, 3, 4, 5, 7, 9, 10, 12, 14)}
    assert "Did you mean risk.open_condors?" in found[f"{extra}:2"]
    assert "risk.order_loss_pct = 400.0" in found[f"{extra}:3"]
    assert "allowed is 0.01 to 100" in found[f"{extra}:3"]
    assert "finite" in found[f"{extra}:4"]
    assert "delta_max 0.18 (absolute delta, 0.16 for a 16-delta option)" in found[f"{extra}:7"]
    assert "would be closed the day it is opened" in found[f"{extra}:9"]
    assert "stay below 100" in found[f"{extra}:10"]
    assert "less than or equal to 65535" in found[f"{extra}:12"]
    assert "none.toml: the events calendar cannot be read" in found[f"{extra}:14"]


def test_an_unknown_variable_is_refused_without_its_value(loading: Load) -> None:
    """A mistyped CONDOR_ variable would silently not apply; its value may be a secret and is never repeated."""
    found = problems(loading, CONDOR_BROKER__PROT="s3cret", condor_risk__open="s3cret", CONDORS="fine", HOME="/root")
    told = "\n".join(p.render() for p in found)
    assert [p.what for p in found] == ["CONDOR_BROKER__PROT", "condor_risk__open"]
    assert "Did you mean CONDOR_BROKER__PORT?" in told
    assert "s3cret" not in told


def test_a_bad_value_in_a_variable_names_the_variable_and_not_its_value(loading: Load) -> None:
    """The file below it is not blamed, and the value is not repeated."""
    told = only(problems(loading, CONDOR_BROKER__PORT="99999"))
    assert told.startswith("environment CONDOR_BROKER__PORT  broker.port\n")
    assert "99999" not in told
    assert "65535" in told


def test_the_profile_is_not_chosen_by_a_variable(loading: Load) -> None:
    """CONDOR_PROFILE would be overruled silently by --profile; it is refused with the way that works."""
    assert "--profile" in only(problems(loading, CONDOR_PROFILE="sim"))


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
@pytest.mark.parametrize(
    "key", ["risk.daily_loss_halt_pct", "risk.condor_loss_hard_pct", "condor.entry.max_abs_delta", "run.pulse_s",
            "engine.ack_deadline_s"],
)  # fmt: skip
def test_a_limit_that_is_not_a_finite_number_is_refused(loading: Load, key: str, number: str) -> None:
    """Every comparison with NaN is false and nothing is above infinity: such a limit would never fire."""
    assert only(problems(loading, f"{key}={number}")).startswith(f"--set  {key} = {number}\n    ")


def test_not_finite_numbers_inside_lists_and_tables_are_refused(loading: Load) -> None:
    """The stress grid and the blackout hours are looked into."""
    found = problems(loading, "risk.stress_vols_pct=[0.0, inf]", "condor.entry.blackout_hours={GDP=nan}")
    assert {p.what.partition(" ")[0] for p in found} == {"risk.stress_vols_pct", "condor.entry.blackout_hours"}


def test_true_is_not_the_number_one(loading: Load) -> None:
    """A boolean where a count belongs is a mistake, not a cap of 1."""
    assert "neither a number nor a text" in only(problems(loading, "risk.open_condors=true"))


@pytest.mark.parametrize(
    ("account", "word"),
    [("U1234567", "live account"), ("DF1234567", "not a paper account"), ("DUMMY", "not a paper account"),
     ("du1234567", "not a paper account"), ("DU1234567 U7654321", "not a paper account")],
)  # fmt: skip
def test_only_a_paper_account_can_be_named(loading: Load, account: str, word: str) -> None:
    """A live account id never gets as far as the broker."""
    assert word in only(problems(loading, f'account.id="{account}"'))


def test_there_is_no_live_mode(loading: Load) -> None:
    """The mode cannot be changed to anything but paper."""
    assert "input should be 'paper'" in only(problems(loading, 'account.mode="live"'))


@pytest.mark.parametrize("follow", ["10.0.0.7:4102", "example.org:1", "127.0.0.1:", "4102"])
def test_followed_time_comes_from_this_machine_only(loading: Load, follow: str) -> None:
    """A bot on real money's gateway must not take its clock from elsewhere."""
    assert "loopback address" in only(problems(loading, f'clock.follow="{follow}"'))


def test_a_contradiction_is_placed_at_the_value_somebody_chose(loading: Load) -> None:
    """Which of two defaults-and-changes is wrong is told by what was changed."""
    told = only(problems(loading, "condor.entry.dte_min_days=20"))
    assert told.startswith("--set  condor.entry.dte_min_days = 20\n")
    assert "time_exit_dte_days is 21" in told


@pytest.mark.parametrize(
    ("assignment", "word"),
    [
        ("risk.opne_condors=2", "Did you mean risk.open_condors?"),
        ("condor.entry.widht_points=50", "Did you mean condor.entry.width_points?"),
        ("risk.whitelist=1", "unknown key"),
        ("risk.account_prefix=U", "unknown key"),
        ("alvh.layers=3", "unknown key"),
        ("condor.entry=3", "is a section, not a value"),
        ("pulse=3", "must read section.key=value"),
        ("run.pulse_s", "must read section.key=value"),
        ("=3", "must read section.key=value"),
    ],
)
def test_assignments_that_name_nothing_are_refused(loading: Load, assignment: str, word: str) -> None:
    """--set reaches exactly the settings there are; what code decides cannot be set."""
    assert word in only(problems(loading, assignment))


def test_an_assignment_below_a_plain_value_is_refused(loading: Load) -> None:
    """Two assignments that cannot both hold are told, not crashed on."""
    found = problems(loading, "run.pulse_s=5", "run.pulse_s.x=5")
    assert found[0].what == "run.pulse_s.x=5"


@pytest.mark.parametrize("profile", ["papper", "default", "events", "local", "../config/paper"])
def test_a_profile_is_one_of_those_there_are(loading: Load, profile: str) -> None:
    """A profile is a name, not a path and not one of the other files."""
    assert "no such profile; there are paper, sim" in only(problems(loading, profile=profile))


@pytest.mark.parametrize(
    ("content", "word"),
    [(b"[risk\n", "is not valid TOML"), (b"\xff\xfe[risk]", "is not text in UTF-8"),
     (b"[risk]\nopen_condors = 1\nopen_condors = 2\n", "is not valid TOML")],
)  # fmt: skip
def test_a_file_that_is_no_toml_is_refused(loading: Load, tmp_path: Path, content: bytes, word: str) -> None:
    """Broken files are named."""
    extra = tmp_path / "mine.toml"
    extra.write_bytes(content)
    assert word in only(problems(loading, config=extra))


def test_broken_files_are_told_together(folder: Path, loading: Load, tmp_path: Path) -> None:
    """A missing --config and a broken local.toml come in one answer."""
    (folder / "local.toml").write_text("[[")
    found = problems(loading, config=tmp_path / "none.toml")
    assert [p.where for p in found] == ["config/local.toml", str(tmp_path / "none.toml")]


def test_an_empty_unknown_section_is_refused(loading: Load, tmp_path: Path) -> None:
    """`[rsik]` with nothing in it is a typo whose keys are about to be written."""
    extra = tmp_path / "mine.toml"
    extra.write_text("[risk]\n[rsik]\n")
    assert only(problems(loading, config=extra)).startswith(f"{extra}:2  rsik\n    unknown key")
