"""The system's browser, for tests of pages."""

from __future__ import annotations

import contextlib
import shutil

from playwright import sync_api

from tests.require_tools import missing


@contextlib.contextmanager
def chromium(*arguments):
    """Chromium without a window, as playwright drives it."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        missing("chromium is missing; on Debian: apt install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", *arguments])
        yield browser
        browser.close()
