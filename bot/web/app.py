"""The routes: page, stream, view, metrics, and the orders a person can give."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from bot.masking import mask
from bot.web.commands import VERBS, Post, press
from bot.web.credentials import Credentials, same
from bot.web.doors import Door, cookie_name
from bot.web.kept import REPORT_POLICY, report_body, report_names
from bot.web.source import Source
from bot.web.stream import Hub, serve_stream

HERE = Path(__file__).parent
BODY_LIMIT = 4096
BODY_DEADLINE_S = 5.0
_STATIC = {"app.js": "text/javascript", "style.css": "text/css", "icon.svg": "image/svg+xml"}


class Site:
    """The routes with what they need; every answer is made from `source`, every order goes through `press`."""

    def __init__(
        self,
        *,
        source: Source,
        hub: Hub,
        credentials: Credentials,
        port: int,
        state_dir: Path,
        post: Post,
        exposition: Callable[[], tuple[bytes, str]],
    ) -> None:
        self._source, self._hub, self._credentials = source, hub, credentials
        self._port, self._state_dir, self._post = port, state_dir, post
        self._exposition = exposition
        loader = FileSystemLoader(HERE / "templates")
        pages = Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, auto_reload=False
        )
        # All of them now: files that change under a running bot must not change its page.
        self._pages = {name: pages.get_template(name) for name in pages.list_templates()}
        self._files = {name: (HERE / "static" / name).read_bytes() for name in _STATIC}

    def application(self) -> Starlette:
        """The ASGI application behind its door."""
        return Starlette(
            routes=[
                Route("/", self._page, methods=["GET"]),
                Route("/enter", self._enter, methods=["GET", "POST"]),
                Route("/static/{name}", self._static, methods=["GET"]),
                Route("/stream", self._stream, methods=["GET"]),
                Route("/view.json", self._view, methods=["GET"]),
                Route("/metrics", self._metrics, methods=["GET"]),
                Route("/reports", self._reports, methods=["GET"]),
                Route("/reports/{name}", self._report, methods=["GET"]),
                Route("/api/{verb}", self._api, methods=["POST"]),
                Route("/order", self._form, methods=["POST"]),
            ],
            middleware=[Middleware(Door, credentials=self._credentials, port=self._port)],
        )

    # reading --------------------------------------------------------------------------------------
    async def _page(self, request: Request) -> Response:
        if not request.state.signed_in:
            return self._html("enter.html", wrong=False)
        made = self._source.view()
        view = None if made is None else orjson.loads(made.body)
        return self._html("page.html", view=view, form=self._credentials.form)

    async def _enter(self, request: Request) -> Response:
        """The token against a cookie; the answer is a page that goes on by itself, because a cookie that never crosses
        sites would be missing from a redirect that began on another one."""
        told = request.query_params.get("token", "")
        if request.method == "POST":
            told = (await self._fields(request) or {}).get("token", "")
        if not same(told.strip(), self._credentials.token):
            return self._html("enter.html", status=403 if told else 200, wrong=bool(told))
        answer = self._html("entered.html")
        answer.set_cookie(
            cookie_name(self._port), self._credentials.cookie, max_age=30 * 86_400, httponly=True, samesite="strict"
        )
        return answer

    async def _static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self._files:
            return PlainTextResponse("404 no such file\n", status_code=404)
        return Response(self._files[name], media_type=_STATIC[name])

    async def _view(self, request: Request) -> Response:
        made = self._source.fetched()
        if made is None:
            return JSONResponse({"text": "no step yet"}, status_code=503)
        return Response(made.body, media_type="application/json")

    async def _metrics(self, request: Request) -> Response:
        body, kind = self._exposition()
        return Response(body, media_type=kind)

    async def _reports(self, request: Request) -> Response:
        names = await run_in_threadpool(report_names, self._state_dir)
        return self._html("reports.html", names=names)

    async def _report(self, request: Request) -> Response:
        """A report as it was written. It brings its own style and nothing else: no script runs, nothing is loaded."""
        body = await run_in_threadpool(report_body, self._state_dir, request.path_params["name"])
        if body is None:
            return PlainTextResponse("404 no such report\n", status_code=404)
        return HTMLResponse(body, headers={"content-security-policy": REPORT_POLICY})

    async def _stream(self, request: Request) -> Response:
        if self._hub.full:
            return PlainTextResponse("503 too many browsers listen; close one\n", status_code=503)
        return _Stream(self._hub, self._source, request.headers.get("last-event-id"))

    # ordering -------------------------------------------------------------------------------------
    async def _api(self, request: Request) -> Response:
        verb = VERBS.get(request.path_params["verb"])
        if verb is None:
            return JSONResponse({"text": f"no such order; there are {', '.join(VERBS)}"}, status_code=404)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return JSONResponse({"text": "send application/json"}, status_code=415)
        body = await _body(request)
        try:
            told: Any = orjson.loads(body) if body is not None else None
        except orjson.JSONDecodeError:
            told = None
        if not isinstance(told, dict) or not all(isinstance(told.get(key, ""), str) for key in ("reason", "word")):
            return JSONResponse({"text": 'send {"reason": "why"} in at most 4096 bytes'}, status_code=400)
        why, word = told.get("reason", ""), told.get("word", "")
        pressed = await run_in_threadpool(press, self._state_dir, verb, why, self._post, word)
        code = 202 if pressed.accepted else 409 if pressed.refused else 500
        return JSONResponse({"text": pressed.text}, status_code=code)

    async def _form(self, request: Request) -> Response:
        """The same without a script: the page's own form, with the value only this page knows."""
        fields = await self._fields(request) or {}
        verb = VERBS.get(fields.get("verb", ""))
        if not same(fields.get("form", ""), self._credentials.form) or verb is None:
            return PlainTextResponse("403 not a form of this page; go back and reload it\n", status_code=403)
        if fields.get("sure") != "yes":
            return PlainTextResponse("400 nothing was done: tick the box, then press again\n", status_code=400)
        why, word = fields.get("reason", ""), fields.get("word", "")
        pressed = await run_in_threadpool(press, self._state_dir, verb, why, self._post, word)
        if not pressed.accepted:
            code = 409 if pressed.refused else 500
            return PlainTextResponse(f"{code} {mask(pressed.text)}\n", status_code=code)
        return RedirectResponse("/", status_code=303)

    async def _fields(self, request: Request) -> dict[str, str] | None:
        """A small urlencoded form; None for anything else."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        body = await _body(request)
        if kind != "application/x-www-form-urlencoded" or body is None:
            return None
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20))

    def _html(self, name: str, status: int = 200, **values: Any) -> HTMLResponse:
        return HTMLResponse(self._pages[name].render(**values), status_code=status)


class _Stream(Response):
    """An answer that goes on until the browser goes."""

    def __init__(self, hub: Hub, source: Source, last_event_id: str | None) -> None:
        self._hub, self._source, self._last = hub, source, last_event_id
        self.background = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await serve_stream(self._hub, lambda: self._source.whole(self._last), receive, send)


async def _body(request: Request) -> bytes | None:
    """At most BODY_LIMIT bytes within BODY_DEADLINE_S; None for more."""
    read = bytearray()
    try:
        async with asyncio.timeout(BODY_DEADLINE_S):
            async for chunk in request.stream():
                read += chunk
                if len(read) > BODY_LIMIT:
                    return None
    except (TimeoutError, ClientDisconnect):
        return None
    return bytes(read)
