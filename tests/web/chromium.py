"""Drives an installed chromium by its DevTools protocol over two pipes: no package, no port, no network."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import selectors
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ANSWER_DEADLINE_S = 30.0
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def program() -> str | None:
    """The browser, None where there is none."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


needs_browser = pytest.mark.skipif(
    program() is None, reason="no chromium on this machine: the page is not tried in one"
)


class Page:
    """One tab: what it asked of the network, what it printed, and a way to act in it."""

    def __init__(self, writer: int, reader: int) -> None:
        self._writer, self._reader = writer, reader
        self._waits = selectors.DefaultSelector()
        self._waits.register(reader, selectors.EVENT_READ)
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self.requests: list[str] = []
        self.errors: list[str] = []

    def open_tab(self) -> None:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command and its answer."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._writer, json.dumps(message).encode() + b"\0")
        while True:
            told = self._next(ANSWER_DEADLINE_S)
            if told is None:
                raise TimeoutError(f"{method} was not answered")
            if told.get("id") == self._number:
                if "error" in told:
                    raise RuntimeError(f"{method}: {told['error']}")
                result: dict[str, Any] = told["result"]
                return result

    def size(self, width: int, height: int, *, dark: bool = False, scripts: bool = True) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)

    def go(self, url: str) -> None:
        self.call("Page.navigate", url=url)

    def js(self, expression: str) -> Any:
        """The value of an expression in the page; promises are awaited."""
        told = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in told:
            raise AssertionError(f"{expression}: {told['exceptionDetails']}")
        return told["result"].get("value")

    def until(self, expression: str, within_s: float = 20.0) -> Any:
        """Waits until an expression is true in the page."""
        deadline = time.monotonic() + within_s
        while True:
            with contextlib.suppress(RuntimeError, AssertionError):  # between two documents, or not drawn yet
                if value := self.js(f"Boolean({expression})"):
                    return value
            if time.monotonic() > deadline:
                raise AssertionError(f"never true in the page: {expression}\n{self.errors}")
            self._next(0.1)

    def press_on(self, selector: str, hold_s: float) -> None:
        """The mouse held down on an element."""
        box = self.js(f"(() => {{const b = document.querySelector('{selector}').getBoundingClientRect();"
                      "return [b.x + b.width / 2, b.y + b.height / 2]})()")  # fmt: skip
        where = {"x": box[0], "y": box[1], "button": "left", "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type="mousePressed", **where)
        end = time.monotonic() + hold_s
        while (left := end - time.monotonic()) > 0:
            self._next(left)
        self.call("Input.dispatchMouseEvent", type="mouseReleased", **where)

    def shot(self, path: Path, *, whole: bool = False) -> None:
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))

    def _next(self, within_s: float) -> dict[str, Any] | None:
        while b"\0" not in self._buffer:
            if not self._waits.select(within_s):
                return None
            chunk = os.read(self._reader, 1 << 16)
            if not chunk:
                raise RuntimeError("the browser has ended")
            self._buffer += chunk
        raw, _, self._buffer = self._buffer.partition(b"\0")
        told: dict[str, Any] = json.loads(raw)
        self._note(told.get("method", ""), told.get("params", {}))
        return told

    def _note(self, method: str, params: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(str(params["exceptionDetails"])[:500])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.errors.append(str(params["args"])[:500])
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.errors.append(f"{params['entry'].get('url', '')} {params['entry']['text']}")


@contextlib.contextmanager
def browser(profile: Path) -> Iterator[Page]:
    """A browser with an empty profile, ended afterwards."""
    found = program()
    assert found is not None
    to_child, from_us = os.pipe()
    to_us, from_child = os.pipe()

    # The browser reads commands from descriptor 3 and answers on 4.
    place = (
        "import fcntl, os, sys; a, b = (fcntl.fcntl(int(n), fcntl.F_DUPFD, 10) for n in sys.argv[1:3]); "
        "os.dup2(a, 3); os.dup2(b, 4); os.execv(sys.argv[3], sys.argv[3:])"
    )
    shell = [sys.executable, "-c", place, str(to_child), str(from_child)]
    command = [
        *shell, found, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage", "--hide-scrollbars",
        f"--user-data-dir={profile}", "about:blank",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, pass_fds=(to_child, from_child), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(to_child)
    os.close(from_child)
    page = Page(from_us, to_us)
    try:
        page.open_tab()
        yield page
    finally:
        process.kill()
        process.wait(10)
        os.close(from_us)
        os.close(to_us)
