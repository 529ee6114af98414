"""A full account id, a secret and hostile text go in at every door; none comes out where people or machines read.

The journal itself holds what the broker said: it is a record of its owner, not an output.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from bot.cli.root import cli
from bot.logs import Chronicle, SessionFile, make_logger
from bot.report.build import build
from bot.report.files import ENDINGS, rendered
from bot.service import describe
from bot.settings.layers import ConfigError
from bot.settings.load import load
from bot.status import StatusFile
from bot.web.gathered import Gathered
from bot.web.source import Source
from strategies.domain import events as ev
from strategies.domain.control import LinkState, OperatorVerb
from tests.bot.engine.builders import ACCOUNT, broker_order, command, link, make_fill, make_snapshot
from tests.bot.engine.live_bench import LiveBench

SECRET = "canary-7f3e9b-token"
HOSTILE = f"<script>alert(1)</script>\x1b[31m\u202e {ACCOUNT} \r\n{ACCOUNT}, fake line"
OUT = (ACCOUNT, ACCOUNT[2:], "<script>", "\x1b", "\u202e", "\r")


def clean(name: str, text: str) -> None:
    """Nothing of it is in an output; markup matters in HTML alone, other text is read as text."""
    for canary in OUT:
        if canary == "<script>" and "html" not in name:
            continue
        at = text.find(canary)
        assert at < 0, f"{name}: {canary!r} in {text[max(0, at - 80) : at + 40]!r}"


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A morning in which the broker, people and the world say the worst; every output of it by name."""
    place = tmp_path_factory.mktemp("canary")
    outputs: dict[str, str] = {}
    told: list[str] = []

    async def live() -> None:
        files = SessionFile(place / "log")
        gathered = Gathered(lambda: 3)
        watchers = (
            Chronicle(make_logger(files, "debug"), files, lambda at, level, text: told.append(text)).observe,
            StatusFile(place / "status.json", 0.0, lambda: 3).observe,
            gathered.observe,
        )
        with LiveBench(place) as bench:
            hear = bench._hear

            def observe(envelope: ev.Envelope, state: object, outcome: object) -> None:
                hear(envelope, state, outcome)  # type: ignore[arg-type]
                for watcher in watchers:
                    watcher(envelope, state, outcome)  # type: ignore[arg-type]

            bench.runner._observe = observe  # type: ignore[assignment]
            bench.start()
            ref = bench.working()
            bench.feed(
                ev.OrderErrored(ref=ref, code=399, text=HOSTILE, meaning=ev.ErrorMeaning.INFORMATION),
                ev.FaultNoted(code="HANDLER", text=HOSTILE),
                ev.RequestFailed(wanted=f"bars:{HOSTILE}", reason=HOSTILE),
                ev.Filled(fill=make_fill(f"{HOSTILE}.01", ref=HOSTILE, account=ACCOUNT)),
                make_snapshot(bench.now, open_orders=(broker_order(f"ic-{HOSTILE}", text=HOSTILE),)),
                msgspec.structs.replace(command(OperatorVerb.REDUCE), who=HOSTILE, reason=HOSTILE),
                msgspec.structs.replace(link(LinkState.DEGRADED), reason=HOSTILE),
            )
            source = Source(gathered, told.append)
            made = source.view()
            assert made is not None
            outputs["view.json"] = made.body.decode()
            outputs["stream"] = source.whole(None).decode()
            outputs["service status"] = describe(bench.state)
        files.close()

    asyncio.run(live())
    outputs["terminal"] = "\n".join(told)
    outputs["status.json"] = (place / "status.json").read_text()
    outputs["log"] = "\n".join(path.read_text() for path in (place / "log").glob("*.jsonl"))
    report = build(place, "all")
    outputs |= {f"report {kind}": rendered(report, kind) for kind in ENDINGS}
    for verb in ("why", "status", "report"):
        outputs[f"condor {verb}"] = CliRunner().invoke(cli, [verb, "--state", str(place)]).output
    return outputs


def test_the_canaries_went_in(spoilt: dict[str, str]) -> None:
    """The outputs are of this morning: masked ids stand where full ones went in."""
    for name in ("terminal", "status.json", "log", "view.json", "stream", "report json"):
        assert "DU***321" in spoilt[name], name
        assert "fake line" in spoilt[name], name


def test_no_output_shows_an_account_or_hostile_text(spoilt: dict[str, str]) -> None:
    """Terminal, log, status, view, the report in its four forms and the commands: masked and defused."""
    assert len(spoilt) > 10
    for name, text in spoilt.items():
        clean(name, text)


DOORS: dict[str, Callable[[Path], object]] = {
    "a variable that is no setting": lambda place: load(
        profile="paper", environ={"CONDOR_WEB__TOKEN": SECRET}, assignments=()
    ),
    "a variable with a wrong value": lambda place: load(
        profile="paper", environ={"CONDOR_BROKER__PORT": SECRET}, assignments=()
    ),
    "a live account in a variable": lambda place: load(
        profile="paper", environ={"CONDOR_ACCOUNT__ID": f"U{ACCOUNT[2:]}"}, assignments=()
    ),
    "a live account in an assignment": lambda place: load(
        profile="paper", environ={}, assignments=(f"account.id=U{ACCOUNT[2:]}",)
    ),
    "an account in a file, mistyped": lambda place: _with_file(place, f'[account]\nid = "{ACCOUNT}X"\n'),
    "an account as a key": lambda place: _with_file(place, f'[account]\n{ACCOUNT} = "x"\n'),
    "a file that is no TOML": lambda place: _with_file(place, f"[account]\nid = {ACCOUNT}\n"),
}


def _with_file(place: Path, text: str) -> object:
    path = place / "mine.toml"
    path.write_text(text)
    return load(profile="paper", environ={}, config=path)


def test_a_line_break_in_an_alert_begins_no_line_of_its_own(spoilt: dict[str, str]) -> None:
    """What is written to the terminal, and kept in a system log, cannot be forged by the text of an alert."""
    assert not [line for line in spoilt["terminal"].split("\n") if line.lstrip().startswith(("fake", "DU***"))]


@pytest.mark.parametrize("door", DOORS)
def test_a_refused_configuration_repeats_neither_secret_nor_account(door: str, tmp_path: Path) -> None:
    """The message names place and setting; what was written there is not shown where it may be an id or a secret."""
    with pytest.raises(ConfigError) as refused:
        DOORS[door](tmp_path)
    for text in (str(refused.value), repr(refused.value), *map(str, refused.value.problems)):
        assert SECRET not in text
        assert ACCOUNT[2:] not in text


def test_a_traceback_shows_lines_of_code_and_no_account(capsys: pytest.CaptureFixture[str]) -> None:
    """An error nobody expected is shown with its place; ids and control characters in its words are masked."""
    from bot.cli.trouble import shown

    secret = SECRET  # a local value, as tracebacks with locals would print it
    try:
        raise RuntimeError(f"{HOSTILE} {len(secret)}")
    except RuntimeError:
        text = shown(*sys.exc_info())  # type: ignore[arg-type]
    assert "test_canary.py" in text
    assert "RuntimeError" in text
    assert SECRET not in text
    clean("traceback", text)
