"""The page in a real browser: nothing is asked of the network, nothing sticks out, dark and print are what they say."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from bot.report.build import build
from bot.report.page import render
from tests.bot.report.golden_day import day
from tests.web.chromium import browser, needs_browser

pytestmark = needs_browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    place = tmp_path_factory.mktemp("page")
    day(place / "state")
    file = place / "report.html"
    file.write_text(render(build(place / "state", "last")), encoding="utf-8")
    with browser(place / "profile") as tab:
        tab.size(1100, 900)
        tab.go(file.as_uri())
        tab.until("document.querySelector('#appendix')")
        yield tab


def test_the_browser_asks_for_the_file_and_for_nothing_else(page: Any) -> None:
    """One request, of the file itself; no error and no warning."""
    assert [url.partition("://")[0] for url in page.requests] == ["file"]
    assert page.errors == []


@pytest.mark.parametrize("width", [1100, 1440])
def test_nothing_sticks_out_of_the_page(page: Any, width: int) -> None:
    """Neither the page nor a table is wider than its place: nothing is cut in a mail or on paper."""
    page.size(width, 900)
    assert page.js("document.documentElement.scrollWidth") <= width
    wide = page.js(
        "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth + 1)"
        ".map(e => e.innerText.slice(0, 60))"
    )
    assert wide == []


def test_a_phone_pushes_wide_parts_sideways_and_not_the_page(page: Any) -> None:
    """At 390 px the page is as wide as the screen; drawings keep a readable size inside a frame that scrolls."""
    page.size(390, 800)
    assert page.js("document.documentElement.scrollWidth") <= 390
    assert page.js("document.querySelector('.draw').scrollWidth") >= 700


def test_drawn_texts_lie_inside_their_drawings(page: Any) -> None:
    """No label of a chart is cut at its edge."""
    page.size(1100, 900)
    outside = page.js(
        "[...document.querySelectorAll('svg text')].filter(t => {"
        "const a = t.getBoundingClientRect(), b = t.ownerSVGElement.getBoundingClientRect();"
        "return a.width && (a.left < b.left - 1 || a.right > b.right + 1 || a.top < b.top - 2"
        " || a.bottom > b.bottom + 2)"
        "}).map(t => t.textContent)"
    )
    assert outside == []


def test_dark_is_dark_and_paper_is_white(page: Any) -> None:
    """The background follows the reader's setting; printing ignores it."""
    colour = "getComputedStyle(document.body).backgroundColor"
    page.size(1100, 900, dark=False)
    light = page.js(colour)
    page.size(1100, 900, dark=True)
    assert (light, page.js(colour)) == ("rgb(255, 255, 255)", "rgb(20, 24, 28)")
    page.call("Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    assert page.js(colour) == "rgb(255, 255, 255)"
    paper = base64.b64decode(page.call("Page.printToPDF", printBackground=True)["data"])
    assert paper.startswith(b"%PDF")
    page.size(1100, 900)
