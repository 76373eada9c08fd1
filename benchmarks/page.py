"""Measure the web page on loopback: first paint, scripts, scrolling, and the live view.

The server is `mien serve` in a process of its own; the browser is an installed Chromium. The
gallery for scrolling has as many people as requested, with random templates. The live view sees a
still portrait through a fake camera of 640 x 480; the time is from the frame to its boxes on the
page, as the page measures it.

Example: python benchmarks/page.py
"""

import argparse
import gzip
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "page"))
from serving import Server, write_camera  # the tests use the same server and camera

STATIC = Path(__file__).parent.parent / "src" / "mien" / "server" / "static"
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
SCROLL = """async () => {
  const steps = [];
  let last = performance.now();
  for (let n = 0; n < 180; n++) {
    scrollBy(0, 400);
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    steps.push(now - last);
    last = now;
  }
  return steps;
}"""


def enter(browser: Browser, server: Server, screen: str) -> Page:
    """Return a page that is signed in, at a screen."""
    page = browser.new_page()
    page.goto(server.url)
    page.locator("input[type=password]").fill(server.key)
    page.keyboard.press("Enter")
    page.wait_for_selector(".bar")
    page.goto(f"{server.url}#/{screen}")
    return page


def fill(server: Server, people: int) -> None:
    """Enrol people with random templates in the gallery of the server."""
    from mien.gallery import Template, open_gallery

    path = next(server.folder.rglob("people.mien"))
    random = np.random.default_rng(0)
    with open_gallery(path, None) as gallery:
        vectors = random.normal(size=(people, 128)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        contract = gallery.embedder
        gallery.add([Template(f"Person {n}", v, contract) for n, v in enumerate(vectors)])


def spread(values: list[float], unit: str = "ms") -> str:
    """Return median and 95 % quantile as text."""
    middle, high = np.quantile(values, [0.5, 0.95])
    return f"p50 {middle:.0f} {unit}, p95 {high:.0f} {unit}, {len(values)} times"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--loads", type=int, default=20)
    args = parser.parse_args()
    sizes = {path.name: len(gzip.compress(path.read_bytes())) for path in STATIC.rglob("*.js")}
    print(f"scripts, gzipped: {sum(sizes.values()) / 1000:.1f} kB ({sizes})")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        camera = write_camera(Path(folder) / "camera.y4m")
        server = Server(Path(folder))
        browser = play.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=[
                "--no-sandbox",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-video-capture={camera}",
            ],
        )
        page = browser.new_page()
        paints = []
        for _ in range(args.loads):
            page.goto(server.url)
            page.wait_for_selector("h1")
            paints.append(page.evaluate(PAINT))
        print(f"first paint: {spread(paints)}")
        fill(server, args.people)
        page = enter(browser, server, "people")
        page.wait_for_selector(".person")
        steps = page.evaluate(SCROLL)
        print(f"a frame while {args.people:,} people are scrolled: {spread(steps)}")
        page = enter(browser, server, "live")
        page.get_by_role("button", name="Start the camera").click()
        latency = page.locator("[data-latency]")
        latency.wait_for()
        times = []
        for _ in range(100):
            times.append(float(latency.get_attribute("data-latency") or "nan"))
            page.wait_for_timeout(100)
        print(f"from frame to boxes: {spread(times)}")
        browser.close()
        server.close()


if __name__ == "__main__":
    main()
