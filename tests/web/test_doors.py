"""Who may come in, and what an order needs: each check alone keeps a request out."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlencode

import pytest

from bot import latch
from bot.web import doors
from bot.web.app import BODY_LIMIT
from strategies.domain import events as ev
from strategies.domain.control import OperatorVerb
from tests.web.asgi import BEARER, COOKIE, HOME, KEYS, PORT, TOKEN, Desk

SIGNED_IN = {**COOKIE, "origin": HOME, "sec-fetch-site": "same-origin"}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def untouched(desk: Desk) -> bool:
    """No latch, no command, no fact."""
    return not desk.posted and not os.listdir(desk.state_dir)


@pytest.mark.parametrize(
    "host", ["evil.example:8787", "127.0.0.1", "127.0.0.1:80", "0.0.0.0:8787", "", "127.0.0.1:8787.x"]
)
async def test_another_host_name_is_denied_even_with_the_token(desk: Desk, host: str) -> None:
    """DNS rebinding: a page whose name resolves to this machine sends its own name as Host."""
    for method, path in (("GET", "/"), ("GET", "/view.json"), ("POST", "/api/kill")):
        answer = await desk.ask(method, path, {**SIGNED_IN, "content-type": "application/json"}, b"{}", host=host)
        assert (answer.status, answer.body.decode()) == (403, doors.DENIED)
    assert untouched(desk)


@pytest.mark.parametrize("host", [f"127.0.0.1:{PORT}", f"localhost:{PORT}", f"[::1]:{PORT}"])
async def test_the_loopback_names_are_let_in(desk: Desk, host: str) -> None:
    """The three ways to write this machine."""
    assert (await desk.ask("GET", "/metrics", COOKIE, host=host)).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"cookie": f"condor_{PORT}={TOKEN}"},
        {"cookie": f"condor_{PORT}="},
        {"cookie": f"condor_1={KEYS.cookie}"},
        {"authorization": f"Bearer {TOKEN[:-1]}"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": f"Bearer {KEYS.cookie}"},
        {"cookie": "\xff=\xfe; ;;;="},
    ],
)
async def test_nothing_about_the_account_is_told_without_the_token(desk: Desk, headers: dict[str, str]) -> None:
    """Every route that tells or does something is denied with the same words; the page asks for the token."""
    for path in ("/view.json", "/stream", "/metrics", "/static/app.js", "/nothing", "/static/../app.py"):
        answer = await desk.ask("GET", path, headers)
        assert (answer.status, answer.body.decode()) == (403, doors.DENIED)
    assert (await desk.order("kill", {**headers, "origin": HOME})).status == 403
    page = await desk.ask("GET", "/", headers)
    assert page.status == 200
    assert b"Token" in page.body
    assert KEYS.form.encode() not in page.body
    assert untouched(desk)


@pytest.mark.parametrize(
    "changed",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": f"https://127.0.0.1:{PORT}"},
        {"origin": f"http://localhost:{PORT}"},
        {"origin": f"http://127.0.0.1:{PORT + 1}"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
async def test_an_order_from_another_page_is_denied_though_the_cookie_came_along(
    desk: Desk, changed: dict[str, str]
) -> None:
    """Cross-site requests: the browser adds the cookie, and tells where the request comes from."""
    assert (await desk.order("kill", {**SIGNED_IN, **changed})).status == 403
    fields = urlencode({"verb": "kill", "sure": "yes", "form": KEYS.form}).encode()
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert (await desk.ask("POST", "/order", {**SIGNED_IN, **changed, **kind}, fields)).status == 403
    assert untouched(desk)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_orders_are_json_only(desk: Desk, kind: str) -> None:
    """What a form of another page could send without asking is no order."""
    answer = await desk.ask("POST", "/api/kill", {**SIGNED_IN, "content-type": kind}, b'{"reason": "x"}')
    assert answer.status == 415
    assert untouched(desk)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"reason": 7}', b'{"reason": "' + b"x" * BODY_LIMIT + b'"}', b"\xff"]
)
async def test_an_order_that_cannot_be_read_is_refused_whole(desk: Desk, body: bytes) -> None:
    """Too long, no JSON, or a reason that is no text."""
    assert (await desk.order("kill", SIGNED_IN, body)).status == 400
    assert untouched(desk)


@pytest.mark.parametrize("path", ["/api/kill", "/api/pause", "/order", "/api/arm"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_only_a_post_orders_anything(desk: Desk, method: str, path: str) -> None:
    """GET changes nothing, and no other method exists."""
    answer = await desk.ask(method, path, {**SIGNED_IN, "content-type": "application/json"}, b'{"reason": "x"}')
    assert answer.status == 405
    assert untouched(desk)


@pytest.mark.parametrize("path", ["/", "/view.json", "/metrics", f"/enter?token={TOKEN}", "/static/app.js", "/nothing"])
async def test_reading_changes_nothing(desk: Desk, path: str) -> None:
    """Every GET leaves the state directory and the loop alone, the sign-in included."""
    await desk.ask("GET", path, COOKIE)
    assert untouched(desk)


async def test_every_answer_has_the_strict_headers_and_none_shares_with_other_sites(desk: Desk) -> None:
    """Content policy, no sniffing, no framing, nothing kept, no CORS; also on refusals."""
    for path, headers in (("/", {}), ("/", COOKIE), ("/metrics", COOKIE), ("/view.json", {}), ("/nothing", COOKIE)):
        answer = await desk.ask("GET", path, {**headers, "origin": "http://evil.example"})
        for name, value in doors.HEADERS.items():
            assert answer.headers[name] == value
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert "server" not in answer.headers
    assert "unsafe" not in doors.HEADERS["content-security-policy"]


async def test_the_token_is_exchanged_for_a_cookie_that_scripts_and_other_sites_never_see(desk: Desk) -> None:
    """The cookie holds a derived value; the token itself is sent back nowhere."""
    answer = await desk.ask("GET", f"/enter?token={TOKEN}")
    cookie = answer.headers["set-cookie"]
    assert "httponly" in cookie.lower()
    assert "samesite=strict" in cookie.lower()
    assert TOKEN not in str(answer)
    value = cookie.partition("=")[2].partition(";")[0]
    page = await desk.ask("GET", "/", {"cookie": f"condor_{PORT}={value}"})
    assert page.status == 200
    assert TOKEN.encode() not in page.body
    wrong = await desk.ask("GET", "/enter?token=no")
    assert wrong.status == 403
    assert "set-cookie" not in wrong.headers
    posted = await desk.ask(
        "POST",
        "/enter",
        {"origin": HOME, "content-type": "application/x-www-form-urlencoded"},
        urlencode({"token": TOKEN}).encode(),
    )
    assert "set-cookie" in posted.headers


async def test_a_kill_writes_the_latch_and_tells_the_loop(desk: Desk) -> None:
    """The page's order and a script's with the bearer token; control characters and accounts stay out of the reason."""
    body = b'{"reason": "spike\\u0000 in DU1234567 <b>"}'
    answer = await desk.order("kill", SIGNED_IN, body)
    assert answer.status == 202
    found = latch.read(desk.state_dir / "KILL")
    assert found is not None
    assert (found.who, found.reason) == ("dashboard", "spike? in DU***567 <b>")
    assert desk.posted == [ev.LatchFound(who="dashboard", reason="spike? in DU***567 <b>")]
    again = await desk.order("kill", BEARER)
    assert again.status == 202
    kept = latch.read(desk.state_dir / "KILL")
    assert kept is not None
    assert kept.first == found.first


async def test_a_latch_that_cannot_be_written_still_halts_the_loop_and_says_so(desk: Desk, tmp_path: Path) -> None:
    """Disk or permissions: the loop is told to halt, the person that the stop will not survive."""
    desk.state_dir.rmdir()
    answer = await desk.order("kill", SIGNED_IN)
    assert answer.status == 500
    assert b"COULD NOT BE WRITTEN" in answer.body
    assert desk.posted == [ev.OperatorCommanded(verb=OperatorVerb.KILL, who="dashboard", reason="enough")]


@pytest.mark.parametrize("verb", ["pause", "reduce"])
async def test_pause_and_reduce_go_through_the_mailbox(desk: Desk, verb: str) -> None:
    """The same files the command line leaves, taken by the loop when it looks."""
    from bot import mailbox

    assert (await desk.order(verb, SIGNED_IN)).status == 202
    taken = mailbox.take(desk.state_dir)
    assert taken == [ev.OperatorCommanded(verb=OperatorVerb(verb), who="dashboard", reason="enough", confirmed=True)]


@pytest.mark.parametrize("body", [b'{"reason": "enough"}', b'{"reason": "enough", "word": "flatten"}'])
async def test_flattening_needs_the_typed_word(desk: Desk, body: bytes) -> None:
    """Without FLATTEN, in capitals, nothing is left for the loop; with it the mailbox has the command."""
    from bot import mailbox

    assert (await desk.order("flatten", SIGNED_IN, body)).status == 409
    assert untouched(desk)
    assert (await desk.order("flatten", SIGNED_IN, b'{"reason": "enough", "word": "FLATTEN"}')).status == 202
    (taken,) = mailbox.take(desk.state_dir)
    assert taken == ev.OperatorCommanded(verb=OperatorVerb.FLATTEN, who="dashboard", reason="enough", confirmed=True)


async def test_flattening_under_a_kill_is_refused_with_the_way_out(desk: Desk) -> None:
    """Nothing of ours trades under a kill: the answer says to arm at the terminal or to close in TWS."""
    await desk.order("kill", SIGNED_IN)
    answer = await desk.order("flatten", SIGNED_IN, b'{"reason": "enough", "word": "FLATTEN"}')
    assert answer.status == 409
    assert b"condor arm" in answer.body
    assert not (desk.state_dir / "commands").exists()


@pytest.mark.parametrize("verb", ["arm", "stop", "KILL", "..", "kill/"])
async def test_arming_is_not_on_the_web(desk: Desk, verb: str) -> None:
    """What starts trading again is done at the terminal."""
    assert (await desk.order(verb, SIGNED_IN)).status in (404, 307)
    assert untouched(desk)


async def test_without_a_script_the_form_kills_with_its_own_secret_and_a_ticked_box(desk: Desk) -> None:
    """A form without the hidden value, with another one, or without the tick does nothing; the whole one kills."""
    kind = {**SIGNED_IN, "content-type": "application/x-www-form-urlencoded"}
    whole = {"verb": "kill", "sure": "yes", "form": KEYS.form, "reason": "enough"}
    page = await desk.ask("GET", "/", COOKIE)
    assert KEYS.form.encode() in page.body
    for wrong in ({"form": ""}, {"form": KEYS.cookie}, {"sure": ""}, {"verb": "arm"}):
        answer = await desk.ask("POST", "/order", kind, urlencode({**whole, **wrong}).encode())
        assert answer.status in (400, 403)
        assert untouched(desk)
    answer = await desk.ask("POST", "/order", kind, urlencode(whole).encode())
    assert answer.status == 303
    assert latch.present(desk.state_dir / "KILL")
