"""A cache of its own for each test, toy cards, and a server that can be told to misbehave."""

import hashlib
import http.server
import threading
from dataclasses import dataclass, field

import pytest

from mien.zoo import Card, File
from mien.zoo.weights import web


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """MIEN_HOME of this test; not made yet."""
    folder = tmp_path / "home"
    monkeypatch.setenv("MIEN_HOME", str(folder))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(web, "PAUSES", (0.0, 0.0, 0.0))
    return folder


@pytest.fixture
def file_of():
    """Describe bytes as a file of a card."""

    def build(source: str, content: bytes, ready: str = "") -> File:
        digest = hashlib.sha256(content).hexdigest()
        return File(source=source, sha256=digest, size=len(content), ready=ready)

    return build


@pytest.fixture
def card_of():
    """A card about some files."""

    def build(*files: File, **facts) -> Card:
        known = {
            "name": "toy",
            "kind": "detector",
            "task": "detect",
            "entry": "mien.toy:Toy",
            "licence": "MIT",
            "commercial": True,
            "trained_on": "Nothing.",
            "paper": "https://example.org",
        }
        return Card(**{**known, **facts}, files=files)

    return build


@dataclass
class Server:
    """Files by path, and how to serve them wrongly."""

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    cuts: list[int] = field(default_factory=list)  # hang up after so many bytes, once each
    failures: list[int] = field(default_factory=list)  # answer with these codes first
    resumes: bool = True  # whether Range is honoured
    length: bool = True  # whether Content-Length is told
    stall: threading.Event | None = None  # wait for it before the second half
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # path, Range


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        state = self.server.state
        asked = self.headers.get("Range")
        state.asked.append((self.path, asked))
        if state.failures:
            return self.send_error(state.failures.pop(0))
        if self.path in state.redirects:
            self.send_response(302)
            self.send_header("Location", state.redirects[self.path])
            return self.end_headers()
        if self.path not in state.files:
            return self.send_error(404)
        self.answer(state, state.files[self.path], asked)

    def answer(self, state, content, asked):
        start = 0
        if asked and state.resumes:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                return self.send_error(416)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        if state.length:
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        rest = content[start:]
        if state.cuts:
            rest = rest[: state.cuts.pop(0)]
        half = len(rest) // 2 if state.stall else 0
        self.wfile.write(rest[:half])
        if state.stall:
            self.wfile.flush()
            state.stall.wait(30)
        try:
            self.wfile.write(rest[half:])
        except ConnectionError:
            return  # the client was killed, as a test wanted

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    """An HTTP server on this machine."""
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    running.state = Server(address=f"http://127.0.0.1:{running.server_port}")
    thread = threading.Thread(target=running.serve_forever, args=(0.02,))
    thread.start()
    yield running.state
    if running.state.stall:
        running.state.stall.set()
    running.shutdown()
    thread.join()
    running.server_close()
