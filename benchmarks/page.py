"""The web page: size of its script, first paint, and frames per second while faces are scrolled.

`python benchmarks/page.py URL KEY --gallery NAME` asks a server that runs. It needs the extra
`page` and Chromium. The rate of a page that stands still (0 px/s) is printed beside that of
scrolling, and the load of the machine, as all of them share the processors.
"""

import argparse
import gzip
import os
import shutil
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

import mien.server

ASSETS = Path(mien.server.__file__).parent / "static" / "assets"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
# Scroll by so many px per second for six seconds; the durations between frames, ms.
SCROLL = """async speed => {
  const found = [], began = performance.now();
  let last = null;
  await new Promise(done => {
    const frame = now => {
      if (last !== null) found.push(now - last);
      last = now;
      scrollTo(0, speed * (performance.now() - began) / 1000);
      performance.now() - began < 6000 ? requestAnimationFrame(frame) : done();
    };
    requestAnimationFrame(frame);
  });
  return found;
}"""


def paints(page: Page, repeats: int) -> list[float]:
    """Return the first paint of so many visits, ms, in order."""
    found = []
    for _ in range(repeats):
        page.reload()
        page.locator("main h1").first.wait_for()
        page.wait_for_timeout(400)
        found.append(round(page.evaluate(PAINT)))
    return sorted(found)


def frames(page: Page, speed: int) -> str:
    """Scroll at a speed, px/s; return frames per second and the slow ones."""
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_timeout(500)
    found = sorted(page.evaluate(SCROLL, speed))
    rate, late = 1000 * len(found) / sum(found), sum(each > 34 for each in found)
    return f"{rate:.1f} frames/s, {late} of {len(found)} later than 34 ms"


def entered(browser: Any, url: str, key: str) -> Page:
    """Return a page of somebody who is signed in."""
    page: Page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(url)
    page.locator("input[type=password]").fill(key)
    page.keyboard.press("Enter")
    page.locator(".bar").wait_for()
    return page


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("key")
    parser.add_argument("--gallery", default="people", help="with some hundred people at least")
    parser.add_argument("--repeats", type=int, default=9)
    args = parser.parse_args()
    script = sum(len(gzip.compress(path.read_bytes(), 9)) for path in ASSETS.glob("*.js"))
    print(f"Script: {script / 1e3:.1f} kB gzipped, all languages")
    chromium = next(found for name in BROWSERS if (found := shutil.which(name)))
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = entered(browser, args.url, args.key)
        page.goto(f"{args.url}#/people")
        print(f"First paint, ms: {paints(page, args.repeats)}")
        page.get_by_role("combobox").first.select_option(args.gallery)
        page.locator("a.person").first.wait_for(timeout=120_000)
        while page.evaluate("document.documentElement.scrollHeight < 3 * innerHeight"):
            page.wait_for_timeout(200)
        for speed in (0, 600, 3000, 20_000):
            print(f"{speed:6} px/s: {frames(page, speed)}; load {os.getloadavg()[0]:.1f}")
        browser.close()


if __name__ == "__main__":
    main()
