"""The page in a real browser against a living bot: it draws, it stops trading, it loads nothing from elsewhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import latch
from bot.actions import Alert, AlertLevel
from bot.engine.outcome import Outcome
from bot.web.gathered import Gathered
from bot.web.server import Dashboard
from bot.web.stream import QUEUE_EVENTS
from strategies.domain import events as ev
from tests.web.chromium import Page, browser, needs_browser
from tests.web.played import morning

pytestmark = needs_browser

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture
def quiet(page: Page) -> Iterator[Page]:
    """The page with what it noted forgotten, and scripts on again afterwards."""
    page.requests.clear()
    page.errors.clear()
    page.size(1366, 768)
    yield page
    page.size(1366, 768)
    page.go("about:blank")


class Shown:
    """A dashboard over looks of the played morning; `show` makes one the newest, with an alert beside it."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.gathered = Gathered(lambda: 42)
        self.posted: list[ev.AnyEvent] = []
        self.dashboard = self._make(0)

    def _make(self, port: int) -> Dashboard:
        return Dashboard(
            gathered=self.gathered,
            state_dir=self.state_dir,
            host="127.0.0.1",
            port=port,
            refresh_s=0.05,
            post=self.posted.append,
        )

    def show(self, name: str, text: str = "") -> None:
        look = morning()[name]
        alerts = (Alert(level=AlertLevel.WARNING, key="test", text=text),) if text else ()
        fact = ev.FaultNoted(code="TEST", text="test")
        self.gathered.observe(ev.Envelope(1, look.at, fact), look.state, Outcome(alerts=alerts))

    def begin_again(self) -> None:
        """The same port and token, another life."""
        port = int(self.dashboard.address.rstrip("/").rpartition(":")[2])
        self.dashboard.stop()
        self.dashboard = self._make(port)
        self.dashboard.start()

    @property
    def link(self) -> str:
        return (self.state_dir / "web.url").read_text().strip()


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[Shown]:
    found = Shown(tmp_path)
    found.dashboard.start()
    yield found
    found.dashboard.stop()


def test_everything_is_drawn_from_this_server_alone_and_without_an_error(quiet: Page, shown: Shown) -> None:
    """State, curve, payoff, ten slots, gauge, caps, orders, log; no request elsewhere, nothing on the console."""
    shown.show("held")
    quiet.go(shown.link)
    quiet.until("document.querySelector('#condors .card svg .line.expiry')")
    assert quiet.js("document.querySelectorAll('.slot').length") == 10
    assert quiet.js("document.querySelectorAll('.cap').length") == len(_view(shown)["caps"])
    assert quiet.js("document.querySelector('#market svg').getAttribute('aria-label')").startswith(
        "VIX and its futures"
    )
    assert quiet.js("document.querySelector('#hedge svg').getAttribute('aria-label')").startswith("Net vega")
    assert "ACTIVE" in quiet.js("document.title")
    assert quiet.js("document.querySelectorAll('#orders tbody tr').length") >= 4
    assert {url.split("/")[2] for url in quiet.requests if url != "about:blank"} == {
        shown.dashboard.address.split("/")[2]
    }
    assert quiet.errors == []


def test_condors_and_hedge_are_drawn_together_for_days_ahead(quiet: Page, shown: Shown) -> None:
    """The choice stays while the market moves; the slider and the curve's shock change the drawing and its words."""
    shown.show("held")
    quiet.go(shown.link)
    quiet.until("document.querySelector('#condors .card')")
    quiet.js("document.querySelector('[name=how][value=together]').click()")
    label = "document.querySelector('.together svg')?.getAttribute('aria-label') ?? ''"
    quiet.until(f"({label}).includes('in 10 days, VIX moving with the index')")
    quiet.js("(() => {const f = document.getElementById('look'); f.elements.days.value = 4;"
             "f.elements.vix.value = '8'; f.dispatchEvent(new Event('input', {bubbles: true}))})()")  # fmt: skip
    assert "in 20 days, VIX 8 points higher" in quiet.js(label)
    assert quiet.js("document.getElementById('dayswords').textContent") == "20 days"
    shown.show("killed")
    quiet.until("document.querySelector('#pills').textContent.includes('HALTED')")
    assert "in 20 days, VIX 8 points higher" in quiet.js(label)
    assert quiet.js("document.documentElement.scrollHeight <= innerHeight")
    shown.show("blind")
    quiet.until("document.querySelector('#condors .empty')?.textContent.includes('without a mark')")
    assert quiet.errors == []


def test_everything_can_be_named_and_reached_without_a_mouse(quiet: Page, shown: Shown) -> None:
    """By the browser's own accessibility tree: every control and drawing has a name; Tab comes to the kill button
    early and shows where it is; a cap's name is a button that leads to what the gate said."""
    shown.show("held")
    quiet.go(shown.link)
    quiet.until("document.querySelector('.cap')")
    nodes = quiet.call("Accessibility.getFullAXTree")["nodes"]
    told = [(n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if not n["ignored"]]
    named = ("button", "checkbox", "radio", "slider", "combobox", "searchbox", "image", "meter", "link", "region")
    assert [role for role, name in told if role in named and not name.strip()] == []
    roles = {role for role, _ in told}
    assert {"main", "banner", "button", "radio", "meter", "status", "region", "heading"} <= roles
    order = []
    for _ in range(5):
        for kind in ("keyDown", "keyUp"):
            quiet.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
        order.append(quiet.js("document.activeElement.id || document.activeElement.className"))
    assert order[0] == "skip"
    assert order[-1] == "kill"
    assert quiet.js("getComputedStyle(document.activeElement).outlineStyle") != "none"
    quiet.js("document.querySelector('[data-code=C05]').click()")
    assert quiet.js("document.querySelector('[name=find]').value") == "C05"
    assert quiet.js("document.activeElement.name") == "find"


def test_earlier_reports_open_from_the_page(quiet: Page, shown: Shown) -> None:
    """From the dashboard to the list to a report, which keeps its style and complains of nothing."""
    (shown.state_dir / "reports").mkdir()
    (shown.state_dir / "reports" / "2026-03-03.html").write_text("<style>p{color:#123456}</style><p>earlier</p>")
    shown.show("held")
    quiet.go(shown.link)
    quiet.until("document.querySelector('#result a')")
    quiet.js("document.querySelector('#result a').click()")
    quiet.until("document.querySelector('.reports a')")
    quiet.js("document.querySelector('.reports a').click()")
    quiet.until("document.querySelector('p')?.textContent === 'earlier'")
    assert quiet.js("getComputedStyle(document.querySelector('p')).color") == "rgb(18, 52, 86)"
    assert quiet.errors == []


def test_what_matters_is_seen_without_scrolling(quiet: Page, shown: Shown) -> None:
    """At 1366 by 768, light and dark: the page itself does not scroll, and nothing sticks out of the window."""
    for name in ("held", "blind", "killed"):
        shown.show(name)
        quiet.go(shown.link)
        quiet.until("document.querySelector('.cap')")
        assert quiet.js("document.documentElement.scrollHeight <= innerHeight")
        assert quiet.js("document.documentElement.scrollWidth <= innerWidth")
        for part in ("market", "result", "condors", "hedge", "caps", "orders", "log", "faults"):
            box = quiet.js(f"(() => {{const b = document.getElementById('{part}').getBoundingClientRect();"
                           "return [b.left, b.top, b.right, b.bottom]})()")  # fmt: skip
            assert 0 <= box[0] < box[2] <= 1366, part
            assert 0 < box[1] < box[3] <= 768, part


@pytest.mark.parametrize("width", [360, 412, 820])
def test_a_phone_shows_it_in_one_column_without_sideways_scrolling(quiet: Page, shown: Shown, width: int) -> None:
    """Kill is on the first screen and big enough for a thumb."""
    shown.show("held")
    quiet.size(width, 780)
    quiet.go(shown.link)
    quiet.until("document.querySelector('.cap')")
    assert quiet.js("document.documentElement.scrollWidth <= innerWidth")
    box = quiet.js("(() => {const b = document.getElementById('kill').getBoundingClientRect();"
                   "return [b.width, b.height, b.bottom]})()")  # fmt: skip
    assert box[0] >= 80
    assert box[1] >= 36
    assert box[2] <= 780


def test_texts_from_outside_are_text(quiet: Page, shown: Shown) -> None:
    """Markup in an alert is shown as written; nothing of it runs or is loaded."""
    shown.show("held", HOSTILE)
    quiet.go(shown.link)
    quiet.until("document.querySelector('#lines')?.textContent.includes('onerror')")
    quiet.until("document.querySelector('#faults').textContent.includes('onerror')")
    assert quiet.js("document.querySelectorAll('main img, main script').length") == 0
    assert quiet.js("document.title") != "owned"
    assert not [url for url in quiet.requests if url.endswith("/x")]


def test_a_stopped_stream_is_shown_by_the_page_itself_and_what_was_missed_is_fetched(quiet: Page, shown: Shown) -> None:
    """The server hangs: the picture turns grey under a banner. It goes on: the banner goes, no line is missing."""
    shown.show("held", "before the gap")
    quiet.go(shown.link)
    quiet.until("document.querySelector('#lines').textContent.includes('before the gap')")
    assert quiet.js("document.getElementById('stale').hidden")
    shown.dashboard._hub.publish = lambda chunk: None  # type: ignore[method-assign]
    quiet.until("document.getElementById('stale').textContent.includes('STREAM STOPPED')", 30.0)
    assert quiet.js("document.body.classList.contains('old')")
    assert "no news" in quiet.js("document.title")
    shown.show("held", "during the gap")
    del shown.dashboard._hub.publish  # type: ignore[method-assign]
    for client in tuple(shown.dashboard._hub._clients):
        shown.dashboard._loop.call_soon_threadsafe(client.dropped.set)  # type: ignore[union-attr]
    quiet.until("document.getElementById('stale').hidden", 30.0)
    quiet.until("document.querySelector('#lines').textContent.includes('during the gap')")
    assert quiet.js("document.querySelector('#lines').textContent.split('before the gap').length") == 2


def test_an_ordered_end_is_told_and_a_new_life_is_joined(quiet: Page, shown: Shown) -> None:
    """ENDED with the bot's words; after the next start the page is live again without being opened anew."""
    shown.show("held")
    quiet.go(shown.link)
    quiet.until("document.querySelector('.cap')")
    shown.dashboard.stop("stopped by signal")
    quiet.until("document.getElementById('stale').textContent.includes('ENDED: stopped by signal')")
    shown.begin_again()
    shown.show("held", "a new life")
    quiet.until("document.getElementById('stale').hidden", 40.0)
    quiet.until("document.querySelector('#lines').textContent.includes('a new life')")


def test_a_short_press_does_nothing_and_a_held_one_kills(quiet: Page, shown: Shown) -> None:
    """A slip of a third of a second is no kill; a second is one, by mouse and by keyboard."""
    shown.show("held")
    quiet.go(shown.link)
    quiet.until("document.querySelector('.cap')")
    quiet.press_on("#kill", 0.3)
    quiet.js("new Promise((done) => setTimeout(done, 1200))")
    assert not latch.present(shown.state_dir / "KILL")
    assert not quiet.js("document.getElementById('ask').open")
    quiet.press_on("#kill", 1.3)
    quiet.until("document.getElementById('said').textContent.includes('latch written')")
    assert latch.present(shown.state_dir / "KILL")
    assert isinstance(shown.posted[0], ev.LatchFound)
    (shown.state_dir / "KILL").unlink()
    quiet.js("document.getElementById('kill').focus()")
    space = {"key": " ", "code": "Space", "windowsVirtualKeyCode": 32, "text": " "}
    quiet.call("Input.dispatchKeyEvent", type="keyDown", **space)
    quiet.js("new Promise((done) => setTimeout(done, 1300))")
    quiet.call("Input.dispatchKeyEvent", type="keyUp", **space)
    quiet.until("true")
    assert latch.present(shown.state_dir / "KILL")


def test_the_key_opens_a_dialog_that_says_what_a_kill_does(quiet: Page, shown: Shown) -> None:
    """`k` and no does nothing; with the reason typed it goes into the latch. A letter in the search opens nothing."""
    shown.show("held")
    quiet.go(shown.link)
    quiet.until("document.querySelector('.cap')")
    key = {"key": "k", "code": "KeyK", "windowsVirtualKeyCode": 75, "text": "k"}
    quiet.js("document.querySelector('input[type=search]').focus()")
    quiet.call("Input.dispatchKeyEvent", type="keyDown", **key)
    assert not quiet.js("document.getElementById('ask').open")
    quiet.js("document.activeElement.blur()")
    quiet.call("Input.dispatchKeyEvent", type="keyDown", **key)
    quiet.until("document.getElementById('ask').open")
    assert "nothing looks after them" in quiet.js("document.getElementById('ask-text').textContent")
    quiet.js("document.getElementById('ask').close('no')")
    assert not latch.present(shown.state_dir / "KILL")
    quiet.call("Input.dispatchKeyEvent", type="keyDown", **key)
    quiet.until("document.getElementById('ask').open")
    quiet.js("document.getElementById('ask-reason').value = 'typed'; document.getElementById('ask-yes').click()")
    quiet.until("document.getElementById('said').textContent.includes('latch written')")
    found = latch.read(shown.state_dir / "KILL")
    assert found is not None
    assert found.reason == "typed"


def test_without_a_script_state_and_kill_remain(quiet: Page, shown: Shown) -> None:
    """The plain form kills, and the page that follows is served."""
    shown.show("held")
    quiet.go(shown.link)
    quiet.until("document.querySelector('.cap')")
    quiet.size(1366, 768, scripts=False)
    quiet.go(shown.dashboard.address)
    quiet.until("document.querySelector('#plain')")
    assert quiet.js("document.querySelector('.pill').textContent") == "ACTIVE"
    quiet.js("document.querySelector('#plain [name=sure]').checked = true")
    quiet.js("document.querySelector('#plain button.kill').click()")
    quiet.until("document.querySelector('#plain') && document.readyState === 'complete'")
    deadline = time.monotonic() + 20.0
    while not latch.present(shown.state_dir / "KILL") and time.monotonic() < deadline:
        quiet.until("true")
    assert latch.present(shown.state_dir / "KILL")


def test_the_log_is_filtered_as_typed_and_stays_so_while_lines_come(quiet: Page, shown: Shown) -> None:
    """Kinds and words; a line that does not fit stays hidden when it arrives."""
    shown.show("held", "apples are late")
    quiet.go(shown.link)
    quiet.until("document.querySelector('#lines').textContent.includes('apples')")
    quiet.js("(() => {const f = document.querySelector('[name=find]'); f.value = 'pears';"
             "f.dispatchEvent(new Event('input', {bubbles: true}))})()")  # fmt: skip
    assert quiet.js("document.querySelectorAll('#lines li').length") == 0
    for number in range(QUEUE_EVENTS):
        shown.show("held", f"{'pears' if number % 2 else 'plums'} {number}")
    quiet.until("document.querySelector('#lines').textContent.includes('pears 7')")
    assert "plums" not in quiet.js("document.querySelector('#lines').textContent")


def _view(shown: Shown) -> dict[str, Any]:
    import http.client

    where, _, token = shown.link.partition("/enter?token=")
    connection = http.client.HTTPConnection(where.removeprefix("http://"), timeout=30)
    connection.request("GET", "/view.json", headers={"Authorization": f"Bearer {token}"})
    found: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return found


@pytest.fixture
def living(tmp_path: Path) -> Iterator[Callable[[], Path]]:
    """`condor sim --web` as a process, over TCP, ended afterwards."""
    state = tmp_path / "state"
    command = [
        sys.executable,
        "-m",
        "bot",
        "sim",
        "--scenario",
        "calm",
        "--speed",
        "30",
        "--web",
        "--state",
        str(state),
    ]
    with (tmp_path / "output").open("w") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output, start_new_session=True)

        def ready() -> Path:
            deadline = time.monotonic() + 90.0
            while not (state / "web.url").exists():
                assert process.poll() is None, (tmp_path / "output").read_text()
                assert time.monotonic() < deadline, (tmp_path / "output").read_text()
                time.sleep(0.05)
            return state

        yield ready
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


def test_the_button_halts_a_living_bot_on_a_live_simulated_gateway(quiet: Page, living: Callable[[], Path]) -> None:
    """Two processes, TCP between them: the button is held, and the page itself shows HALTED and VERIFIED."""
    state = living()
    quiet.go((state / "web.url").read_text().strip())
    quiet.until(
        "document.querySelector('.cap') && document.querySelector('#pills').textContent.includes('ACTIVE')", 60.0
    )
    quiet.press_on("#kill", 1.4)
    quiet.until("document.querySelector('#pills').textContent.includes('HALTED')", 60.0)
    quiet.until("document.querySelector('#stops').textContent.includes('VERIFIED: no working orders')", 90.0)
    assert "UNVERIFIED" not in quiet.js("document.querySelector('#stops').textContent")
    assert latch.present(state / "KILL")
    status = json.loads((state / "status.json").read_text())
    assert status["trading_state"] == "halted"
    assert quiet.errors == []
