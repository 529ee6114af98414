"""The file of macro inputs: written by the command line, taken whole by the bot or refused whole with every line."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot import macro_file
from bot.cli import exits
from bot.cli.macro import macro
from bot.macro_file import MacroRefused, MacroWatch
from strategies.domain.events import FaultNoted, MacroTold
from strategies.domain.macro import MacroInput
from tests.strategies.macro_samples import TODAY, told

DAYS = ("2026-03-11", "2026-03-10")


def test_what_is_written_is_read_by_its_owner_only(tmp_path: Path) -> None:
    """The same observations come back; nobody else can read the file."""
    path, rows = tmp_path / macro_file.NAME, (told("sofr_pct", 4.3), told("fomc_stance", "dovish"))
    macro_file.write(path, rows)
    assert macro_file.read(path, TODAY) == rows
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == [macro_file.NAME]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"{", "is no macro input"),
        (b"\xff\xfe", "is no macro input"),
        (b"[" * 200_000, "is no macro input"),
        (b'{"key":"sofr_pct","value":4.3}', "missing required field"),
        (b'{"key":"sofr_pct","value":4.3,"unit":"pct","source":"x","as_of":"11.3.2026","ttl_days":5,'
         b'"entered_on":"2026-03-11"}', "as_of"),
        (b'{"key":"sofr_pct","value":4.3,"unit":"pct","source":"x","as_of":"2026-03-11","ttl_days":5,'
         b'"entered_on":"2026-03-11","force":true}', "force"),
        (b'{"key":"sofr_pct","value":430,"unit":"bp","source":"x","as_of":"2026-03-11","ttl_days":5,'
         b'"entered_on":"2026-03-11"}', "not in 'bp'"),
        (b'{"key":"sofr_pct","value":4.3,"unit":"pct","source":"x","as_of":"2026-03-12","ttl_days":5,'
         b'"entered_on":"2026-03-12"}', "after today"),
    ],
    ids=["torn", "not text", "deep", "too little", "date", "unknown field", "unit", "future"],
)  # fmt: skip
def test_one_bad_line_refuses_the_whole_file_by_its_number(tmp_path: Path, line: bytes, says: str) -> None:
    """The good line before it is not taken either."""
    path = tmp_path / macro_file.NAME
    macro_file.write(path, (told("gdp_nowcast_pct", 2.0),))
    path.write_bytes(path.read_bytes() + b"\n" + line + b"\n")
    with pytest.raises(MacroRefused, match=r"macro\.jsonl:3: ") as refused:
        macro_file.read(path, TODAY)
    assert says in str(refused.value)


def test_a_file_beyond_reason_is_refused_unread(tmp_path: Path) -> None:
    """A megabyte is no list of macro inputs."""
    path = tmp_path / macro_file.NAME
    path.write_bytes(b"\n" * (macro_file.LARGEST_BYTES + 1))
    with pytest.raises(MacroRefused, match="larger than"):
        macro_file.read(path, TODAY)


def test_the_watch_tells_changes_once_and_keeps_the_old_through_trouble(tmp_path: Path) -> None:
    """New inputs are told, a bad file and a vanished one are faults, and none of them empties what is known."""
    path, watch = tmp_path / macro_file.NAME, MacroWatch(tmp_path / macro_file.NAME)
    assert watch.look((), TODAY) is None
    first = (told("sofr_pct", 4.3),)
    macro_file.write(path, first)
    assert watch.look((), TODAY) == MacroTold(inputs=first, origin=macro_file.NAME)
    assert watch.look(first, TODAY) is None
    path.write_text("{torn")
    fault = watch.look(first, TODAY)
    assert isinstance(fault, FaultNoted)
    assert fault.code == "MACRO"
    assert "the old ones stay" in fault.text
    assert watch.look(first, TODAY) is None
    path.unlink()
    gone = watch.look(first, TODAY)
    assert isinstance(gone, FaultNoted)
    assert "is gone" in gone.text
    macro_file.write(path, ())
    assert watch.look(first, TODAY) == MacroTold(inputs=(), origin=macro_file.NAME)


def test_a_restart_with_an_unchanged_file_tells_nothing_anew(tmp_path: Path) -> None:
    """The journal has it already."""
    rows = (told("sofr_pct", 4.3),)
    macro_file.write(tmp_path / macro_file.NAME, rows)
    assert MacroWatch(tmp_path / macro_file.NAME).look(rows, TODAY) is None


def test_the_list_of_a_key_does_not_grow_for_ever(tmp_path: Path) -> None:
    """The newest ninety stay; other keys are not touched; the same day is replaced."""
    rows: tuple[MacroInput, ...] = (told("gdp_nowcast_pct", 2.0),)
    for back in range(100, -1, -1):
        day = TODAY - timedelta(days=back)
        rows = macro_file.with_input(rows, told("sofr_pct", 4.0, day), TODAY)
    rows = macro_file.with_input(rows, told("sofr_pct", 4.5), TODAY)
    mine = [row for row in rows if row.key == "sofr_pct"]
    assert len(mine) == macro_file.KEPT_PER_KEY
    assert (mine[-1].as_of, mine[-1].value) == (TODAY, 4.5)
    assert len(rows) == len(mine) + 1


# the command line ---------------------------------------------------------------------------------
def run(state: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(macro, [*words, "--state", str(state)])
    return done.exit_code, done.output


def set_(state: Path, key: str, value: str, *more: str) -> tuple[int, str]:
    return run(state, "set", key, value, "--source", "agency", "--as-of", DAYS[0], "--on", DAYS[0], *more)


def test_set_list_and_unset(tmp_path: Path) -> None:
    """Told with its time to live, listed with its age, taken back."""
    code, text = set_(tmp_path, "cpi_surprise_pp", "0.2", "--ttl", "30")
    assert (code, "holds until 2026-04-10" in text) == (exits.OK, True)
    rows = macro_file.read(tmp_path / macro_file.NAME, date(2026, 3, 11))
    assert [(r.key, r.value, r.unit, r.source, r.ttl_days) for r in rows] == [
        ("cpi_surprise_pp", 0.2, "pp", "agency", 30)
    ]
    code, text = run(tmp_path, "list", "--json")
    assert json.loads(text)[0]["until"] == "2026-04-10"
    assert run(tmp_path, "unset", "cpi_surprise_pp")[0] == exits.OK
    assert macro_file.read(tmp_path / macro_file.NAME, TODAY) == ()
    assert run(tmp_path, "unset", "cpi_surprise_pp")[0] == exits.USAGE


def test_a_value_below_zero_is_a_value_and_a_mistyped_option_is_not(tmp_path: Path) -> None:
    """-0.1 is no option; --tll is no value."""
    assert set_(tmp_path, "cpi_surprise_pp", "-0.1")[0] == exits.OK
    assert macro_file.read(tmp_path / macro_file.NAME, TODAY)[0].value == -0.1
    before = (tmp_path / macro_file.NAME).read_bytes()
    assert set_(tmp_path, "sofr_pct", "4.3", "--tll", "3")[0] == exits.USAGE
    assert (tmp_path / macro_file.NAME).read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [("cpi_surprise_pp", "2000"), ("cpi_surprise", "0.1"), ("fomc_stance", "dove"), ("sofr_pct", "4.3", "--unit", "bp"),
     ("sofr_pct", "4.3", "--ttl", "99"), ("sofr_pct", "nan")],
)  # fmt: skip
def test_a_refused_value_changes_nothing(tmp_path: Path, words: tuple[str, ...]) -> None:
    """What was told before stays as it was, byte for byte."""
    assert set_(tmp_path, "gdp_nowcast_pct", "2.0")[0] == exits.OK
    before = (tmp_path / macro_file.NAME).read_bytes()
    code, text = set_(tmp_path, *words)
    assert code == exits.USAGE
    assert "refused, nothing was changed" in text
    assert (tmp_path / macro_file.NAME).read_bytes() == before


def test_a_broken_file_is_not_overwritten(tmp_path: Path) -> None:
    """A person is asked to look; nothing is lost."""
    (tmp_path / macro_file.NAME).write_text("{torn")
    code, text = set_(tmp_path, "sofr_pct", "4.3")
    assert code == exits.USAGE
    assert "Correct" in text
    assert (tmp_path / macro_file.NAME).read_text() == "{torn"


def test_every_key_is_explained(tmp_path: Path) -> None:
    """Unit, range, days and rules, for people and as JSON."""
    code, text = run(tmp_path, "keys")
    assert code == exits.OK
    assert "cpi_surprise_pp" in text
    assert {row["key"] for row in json.loads(run(tmp_path, "keys", "--json")[1])} >= {"sofr_pct", "fomc_stance"}
