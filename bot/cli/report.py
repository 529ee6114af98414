"""`condor report`: a session, a week or the whole journal explained, as text, Markdown, JSON or one HTML file."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path

import click

from bot.cli import exits
from bot.cli.root import common
from bot.cli.trouble import told

FORMATS = ("text", "md", "json", "html")


@click.command()
@click.argument("session", default="last")
@common
@click.option("--week", is_flag=True, help="the week of the last session, rolled up")
@click.option(
    "--format",
    "kind",
    type=click.Choice(FORMATS),
    help="text, md and json are printed; html is written to STATE/reports  [default: text; with --open html]",
)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="write to this file instead")
@click.option("--open", "show", is_flag=True, help="open the HTML page in the browser")
@click.option("--replay", "again", is_flag=True, help="make every decision of the session again first, for the badge")
def report(
    session: str,
    state_dir: Path,
    config_file: Path | None,
    assignments: tuple[str, ...],
    as_json: bool,
    week: bool,
    kind: str | None,
    output: Path | None,
    show: bool,
    again: bool,
) -> None:
    """A session explained. SESSION is a date (YYYY-MM-DD), `last`, `week` or `all`."""
    which = _which(session, week)
    chosen = _format(kind, as_json, show)
    from bot.report.build import NoSuchSession, build
    from bot.report.files import file_name, rendered, write

    if not (state_dir / "journal.sqlite3").exists():
        click.echo(f"{state_dir} holds no journal: nothing was run there (see --state)", err=True)
        sys.exit(exits.FAILED)
    with told():
        try:
            if again:
                _replay(state_dir, build(state_dir, which))
            built = build(state_dir, which)
        except NoSuchSession as reason:
            click.echo(str(reason), err=True)
            sys.exit(exits.FAILED)
        body = rendered(built, chosen)
        path = output or (state_dir / "reports" / file_name(built, chosen) if chosen == "html" else None)
        if path is None:
            click.echo(body, nl=not body.endswith("\n"))
            return
        write(path, body)
    click.echo(str(path))
    if show and not webbrowser.open(path.resolve().as_uri()):
        click.echo("no browser could be opened here; open the file yourself", err=True)


def _which(session: str, week: bool) -> str:
    if week and session != "last":
        raise click.UsageError("--week tells of the last session's week; name a session or give --week, not both")
    return "week" if week else session


def _format(kind: str | None, as_json: bool, show: bool) -> str:
    if show and kind not in (None, "html"):
        raise click.UsageError(f"--open shows the HTML page; --format {kind} is printed")
    if show:
        return "html"
    return "json" if as_json else kind or "text"


def _replay(state_dir: Path, built: dict[str, object]) -> None:
    """Each session of the report made again; the results stand in the page."""
    from bot.replay import replay

    rows = built["sessions"]
    assert isinstance(rows, list)
    for row in rows:
        replay(state_dir, row["session"])
