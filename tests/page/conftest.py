"""A real server on loopback, and a browser that uses its page as a person would.

Needs the extra `page` and Chromium: `make test-web`.
"""

import os
import shutil
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from tests.page.serving import Server, write_camera

# Playwright leaves an event loop running in its process, which disturbs the tests of the server, so
# these run on their own: `make test-web` sets MIEN_PAGE.
OWN = "MIEN_PAGE" in os.environ
collect_ignore_glob = [] if OWN else ["*"]
playwright = pytest.importorskip("playwright.sync_api") if OWN else None
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((found for name in BROWSERS if (found := shutil.which(name))), None)


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in Path(item.path).parents:
            item.add_marker(pytest.mark.weights)
            item.add_marker(pytest.mark.slow)
            # A worker that dies in the middle of a connection warns about it; no test is about it.
            item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("page"))
    yield made
    assert made.close() in (0, -15)  # uvicorn ends in order, then by the signal


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
def camera(tmp_path_factory):
    """A film that Chromium takes for a webcam: Eileen."""
    return write_camera(tmp_path_factory.mktemp("camera") / "eileen.y4m")


@pytest.fixture(scope="session")
def browser(camera):
    if CHROMIUM is None:
        pytest.fail("tests of the page need Chromium: apt-get install chromium")
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
