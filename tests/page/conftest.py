"""A real server on loopback, and a browser that uses its page as a person would.

Needs the extra `page` and Chromium: `make test-web`.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

playwright = pytest.importorskip(
    "playwright.sync_api", reason="tests of the page need playwright: make test-web"
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((found for name in BROWSERS if (found := shutil.which(name))), None)


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in Path(item.path).parents:
            item.add_marker(pytest.mark.weights)
            item.add_marker(pytest.mark.slow)
            # A worker that dies in the middle of a connection warns about it; no test is about it.
            item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))


class Server:
    """`mien serve` in a process of its own."""

    def __init__(self, folder, log):
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        command = [sys.executable, "-m", "mien", "serve", "--folder", str(folder), "--portraits"]
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [*command, "--port", str(self.port)], stdout=file, stderr=file, env=dict(os.environ)
            )
        for _ in range(600):
            if self.process.poll() is not None:
                raise AssertionError(f"The server ended: {log.read_text()}")
            try:
                urllib.request.urlopen(f"{self.url}v1/health", timeout=2).read()
                break
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.1)
        self.key = re.search(r"mien_\S+", log.read_text())[0]


def _free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    place = tmp_path_factory.mktemp("page")
    made = Server(place / "server", place / "log.txt")
    yield made
    made.process.terminate()
    assert made.process.wait(30) in (0, -15)  # uvicorn ends in order, then by the signal


@pytest.fixture(scope="session")
def faces(tmp_path_factory, portraits):
    """Two public-domain portraits as files, and both in one photo."""
    place = tmp_path_factory.mktemp("faces")
    for name, picture in portraits.items():
        _write(place / f"{name}.jpg", picture)
    height = min(len(picture) for picture in portraits.values())
    _write(place / "both.jpg", np.hstack([p[:height] for p in portraits.values()]))
    _write(place / "wall.jpg", np.full((200, 300, 3), 128, np.uint8))
    (place / "broken.jpg").write_bytes(b"this is no picture")
    return place


@pytest.fixture(scope="session")
def portraits():
    from mien.evaluate.demo import portraits
    from mien.media import read_image

    return {name.split()[0]: read_image(path) for name, path in portraits().items()}


def _write(path, picture):
    assert cv2.imwrite(str(path), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))


@pytest.fixture(scope="session")
def clip(tmp_path_factory, portraits):
    """A film that browsers play: Eileen for two seconds, then Grace."""
    path = tmp_path_factory.mktemp("film") / "two.webm"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx", rate=10)
        stream.height, stream.width, stream.pix_fmt = 400, 400, "yuv420p"
        for picture in portraits.values():
            frame = av.VideoFrame.from_ndarray(cv2.resize(picture, (400, 400)), "rgb24")
            for _ in range(20):
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="session")
def camera(tmp_path_factory, portraits):
    """A film that Chromium takes for a webcam."""
    path = tmp_path_factory.mktemp("camera") / "eileen.y4m"
    picture = cv2.resize(portraits["Eileen"], (480, 480))
    wide = cv2.copyMakeBorder(picture, 0, 0, 80, 80, cv2.BORDER_REPLICATE)
    frame = cv2.cvtColor(wide, cv2.COLOR_RGB2YUV_I420).tobytes()
    head = b"YUV4MPEG2 W640 H480 F20:1 Ip A1:1 C420jpeg\n"
    path.write_bytes(head + b"".join(b"FRAME\n" + frame for _ in range(20)))
    return path


@pytest.fixture(scope="session")
def browser(camera):
    if CHROMIUM is None:
        # `make test-web` is about nothing else, so there it is a failure.
        lacking = pytest.fail if "MIEN_PAGE" in os.environ else pytest.skip
        lacking("tests of the page need Chromium: apt-get install chromium")
    arguments = [
        "--no-sandbox",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={camera}",
    ]
    with playwright.sync_playwright() as play:
        made = play.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield made
        made.close()


@pytest.fixture
def visit(browser, server):
    """Return visit(screen, **context) -> a page of a person who is signed in.

    A script that fails, or that the security policy refuses, fails the test.
    """
    contexts, faults = [], []

    def open_page(screen="identify", **how):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 860}, **how})
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda m: faults.append(m.text) if "Security" in m.text else None)
        page.goto(server.url)
        page.locator("input[type=password]").fill(server.key)
        page.keyboard.press("Enter")
        page.wait_for_selector(".bar")
        page.goto(f"{server.url}#/{screen}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []
