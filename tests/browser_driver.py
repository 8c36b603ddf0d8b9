"""A real browser for tests: the few WebDriver commands they need (selenium would be a dependency for six calls).

Tests of it are marked `needs("browser")`, those of accessibility `needs("axe")` too.
"""

from __future__ import annotations

import base64
import json
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from needs import AXE, CHROMEDRIVER, CHROMIUM

ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Browser:
    """One browser session; `address` is that of the session at chromedriver."""

    def __init__(self, address: str) -> None:
        self.address = address

    def command(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """The value of one WebDriver command; urllib.error.HTTPError when it fails."""
        return _request(method, self.address + path, body)

    def devtools(self, name: str, **parameters: Any) -> Any:
        """The result of one command of the DevTools protocol."""
        return self.command("POST", "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def open(self, page: Path) -> None:
        """Opens a report and waits until its figures are drawn, the folded ones too."""
        self.show(page)
        self.wait("return document.documentElement.dataset.drawn === 'all'")

    def show(self, page: Path) -> None:
        """Opens a report and waits until the figures in view are drawn."""
        self.command("POST", "/url", {"url": page.resolve().as_uri()})
        self.wait("return document.documentElement.dataset.drawn !== undefined")

    def run(self, script: str) -> Any:
        """What a JavaScript function body returns."""
        return self.command("POST", "/execute/sync", {"script": script, "args": []})

    def wait(self, script: str, limit_seconds: float = 20) -> None:
        """Returns when `script` gives true."""
        end = time.monotonic() + limit_seconds
        while not self.run(script):
            if time.monotonic() > end:
                raise TimeoutError(f"never true: {script}; console: {self.console()}")
            time.sleep(0.05)

    def inaccessible(self) -> list[str]:
        """Violations that axe-core finds in the page as it stands, in one line each: rule and elements."""
        self.run(AXE.read_text(encoding="utf-8"))
        script = (
            "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']}).then((found) => done(found."
            "violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.target.join(' ')}`))))"
        )
        return list(self.command("POST", "/execute/async", {"script": script, "args": []}))

    def console(self) -> list[str]:
        """Messages of the console since the last call, violations of the content policy among them."""
        return [entry["message"] for entry in self.command("POST", "/se/log", {"type": "browser"})]

    def size(self, width: int, height: int, *, dark: bool = False) -> None:
        """Makes the page as wide as a screen of `width` CSS pixels, in its light or dark colours."""
        self.devtools(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.devtools("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self) -> bytes:
        """A screenshot as PNG."""
        return base64.b64decode(self.command("GET", "/screenshot"))


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless browser with an empty profile; ends with the block."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        driver = subprocess.Popen([str(CHROMEDRIVER), "--port=0"], stdout=subprocess.PIPE, text=True)
        try:
            server = f"http://127.0.0.1:{_port(driver)}"
            options = {"binary": CHROMIUM, "args": [*ARGUMENTS, f"--user-data-dir={profile}"]}
            wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
            session = _request("POST", f"{server}/session", {"capabilities": {"alwaysMatch": wanted}})
            opened = Browser(f"{server}/session/{session['sessionId']}")
            yield opened
            opened.command("DELETE", "")
        finally:
            driver.terminate()
            driver.communicate()


def _port(driver: subprocess.Popen[str]) -> int:
    """The port chromedriver says it listens on."""
    assert driver.stdout is not None
    for line in driver.stdout:
        if "started successfully on port" in line:
            return int(line.rstrip(".\n").rsplit(" ", 1)[1])
    raise RuntimeError("chromedriver did not start")


def _request(method: str, address: str, body: dict[str, Any] | None) -> Any:
    content = json.dumps(body or {}).encode() if method == "POST" else None
    request = urllib.request.Request(address, content, {"Content-Type": "application/json"}, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=60) as answer:
        return json.load(answer)["value"]
