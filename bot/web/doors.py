"""Who may come in: checks before any route, and the headers of every answer.

Order of the checks, each answered by 403 and the same words:
1. Host names this machine by loopback and our port: a page of another name that resolves here stays out (DNS
   rebinding).
2. Whatever is not GET or HEAD comes from our own page (Origin, Sec-Fetch-Site); without an Origin only with the bearer
   token, which no browser sends by itself.
3. The token, as bearer or as the cookie it was exchanged for. The sign-in page and the style sheet need none.
No CORS header is ever sent.
"""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.web.credentials import Credentials, same

DENIED: Final = "403 not from here, or not signed in. Open the link in STATE/web.url.\n"
OPEN_PATHS: Final = ("/", "/enter", "/static/style.css", "/static/icon.svg")
"""Answered without a token: nothing on them tells anything about the account."""

HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


def cookie_name(port: int) -> str:
    """Browsers do not keep cookies of two ports apart; the name does."""
    return f"condor_{port}"


class Door:
    """ASGI middleware; sets `scope["state"]["signed_in"]` for the open paths."""

    def __init__(self, app: ASGIApp, credentials: Credentials, port: int) -> None:
        self._app = app
        self._credentials = credentials
        self._port = port
        self._hosts = frozenset((f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request through or answers it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
                return
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = Headers(scope=scope)
        signed_in = self._signed_in(headers)
        scope.setdefault("state", {})["signed_in"] = signed_in
        if self._admitted(scope, headers, signed_in):
            await self._app(scope, receive, with_headers(send))
        else:
            await PlainTextResponse(DENIED, status_code=403)(scope, receive, with_headers(send))

    def _admitted(self, scope: Scope, headers: Headers, signed_in: bool) -> bool:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            return False
        if scope["method"] not in ("GET", "HEAD") and not self._from_our_page(headers):
            return False
        return signed_in or scope["path"] in OPEN_PATHS

    def _from_our_page(self, headers: Headers) -> bool:
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        origins = headers.getlist("origin")
        if not origins:
            return self._bearer(headers)
        return origins == [f"http://{headers['host'].lower()}"]

    def _signed_in(self, headers: Headers) -> bool:
        return self._bearer(headers) or self._cookie(headers)

    def _bearer(self, headers: Headers) -> bool:
        kind, _, told = headers.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and same(told.strip(), self._credentials.token)

    def _cookie(self, headers: Headers) -> bool:
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(cookie_name(self._port))
        except CookieError:
            return False
        return found is not None and same(found.value, self._credentials.cookie)


def with_headers(send: Send) -> Send:
    """Adds the headers to the answer."""

    async def told(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return told
