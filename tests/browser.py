"""Debian's Chromium, without a window, as a person at a screen of some width."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DRAWN = "document.documentElement.dataset.drawn === 'yes'"


@dataclass
class Opened:
    """A page, and what it said and asked for while it was opened."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked_for: list[str] = field(default_factory=list)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser with an empty profile of its own."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program is not None, "the tests need Chromium: make test installs it"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Browser, file: Path, width: int, scheme: str) -> Iterator[Opened]:
    """The file at a width, in a colour scheme, when its figures are drawn."""
    context = browser.new_context(
        viewport={"width": width, "height": 844},
        color_scheme=scheme,  # pyright: ignore[reportArgumentType]
        offline=True,
    )
    seen = Opened(context.new_page())
    seen.page.on("console", lambda message: seen.said.append(message.text))
    seen.page.on("pageerror", lambda error: seen.said.append(str(error)))
    seen.page.on("request", lambda request: seen.asked_for.append(request.url))
    try:
        seen.page.goto(file.as_uri())
        seen.page.wait_for_function(DRAWN, timeout=30_000)
        yield seen
    finally:
        context.close()
