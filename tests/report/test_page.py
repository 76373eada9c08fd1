"""The page: everything it has to tell is on it, nothing leaves it, nobody's name is markup."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from urllib.parse import unquote

import numpy as np
import pytest

from mien.decision.calibration import Calibration, Check, Evidence, Point, Rate
from mien.errors import MienError
from mien.photo import Pipeline
from mien.report import entry, page, write_answers
from mien.testing import TOY_DEVICE
from mien.types import Answer, Basis, Candidate, Decision, Face, Quality

HOSTILE = '<script>alert("1")</script> & Ünï'
VOID = {"meta", "img", "link", "br", "hr", "input"}
RATES = (
    Rate(0.1, 0.5, 0.11, 0.08, 0.13, 0.02, 0.01, 0.04),
    Rate(0.01, 0.6, 0.012, 0.008, 0.016, 0.03, 0.01, 0.06),
)
CALIBRATION = Calibration(
    "toy-lfw", "toy/1", "toy", "pictures of nobody.", 40, 900, 90_000,
    (Point(0.1, 0.5, 0.48, 0.52), Point(0.01, 0.6, 0.57, 0.63), Point(0.001, 0.7, 0.66, 0.74)),
    (Evidence(1.0, -3.0), Evidence(3.0, 3.0)), 20.0, -11.0,
    Check("other pictures", 10, 90, 9_000, RATES, 0.02, 0.1),
    "none",
)  # fmt: skip
BASIS = Basis("toy-lfw", "toy/1", 6.0, 5.7, 6.3, fmr=1e-6, fpir=0.01, people=1)
POINTS = np.array([[40, 40], [60, 40], [50, 52], [42, 62], [58, 62]], np.float32)
MODELS = {"detect": "toy@123abc on CPUExecutionProvider, 2 threads", "embed": "vec@9 on GPU"}


class Toy:
    name, contract, crop = "toy", "toy/1", None
    digest, device = "", TOY_DEVICE

    def __call__(self, image):
        return []


class Tags(HTMLParser):
    """Every opened tag is closed, in order; keeps what was seen."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.text = [], [], []

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] not in (["style"], ["script"]):
            self.text.append(data)


def picture(height=90, width=120):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def decided(outcome, score, person=None, basis=BASIS):
    candidates = (
        Candidate(person or "Bob", 0.9, 1, score=score),
        Candidate("Second", 0.3, 2, score=3.1),
    )
    reason = f"Score {score:.1f} says {outcome}."
    return Decision(outcome, person, 0.9, 0.42, 0.5, reason, basis, 0.1, candidates, score)


def face(decision=None, points=POINTS):
    quality = Quality({"sharpness": 23.0, "head_pose_yaw": 88.0}, {}, ("Hold still.",))
    return Face(
        np.array([30, 25, 70, 75], np.float32), 0.99, points, quality=quality, decision=decision
    )


def answer(*faces, reason=None, turned=0):
    seconds = {"detect": 0.02, "embed": 0.003}
    return Answer(faces, (90, 120), turned, False, reason, MODELS, seconds)


def all_kinds():
    people = [face(decided("match", 8.1, HOSTILE)), face(decided("review", 5.5, "Cy"))]
    return [
        entry(f"a/{HOSTILE}.jpg", picture(), answer(*people), note=HOSTILE, group="First"),
        entry("b.jpg", picture(), answer(face(decided("unknown", 3.0))), group="First"),
        entry("c.jpg", picture(), answer(face(), turned=90), group=HOSTILE),
        entry("d.jpg", picture(), answer(reason="dark"), expected=HOSTILE, passed=False),
        entry("e.jpg", None, None, f"{HOSTILE} is not a picture."),
    ]


def tags(html):
    found = Tags()
    found.feed(html)
    found.close()
    assert found.open == []
    return found


def test_every_outcome_is_told_in_words():
    html = page.render(all_kinds(), CALIBRATION, title="T", lead=HOSTILE)
    text = " ".join(" ".join(tags(html).text).split())
    for words in (
        "5 images", "4 faces", "1 match", "1 review", "1 unknown", "1 found", "1 no face",
        "1 error", "8.1", "threshold 6.0", "42.0 %", "Score 5.5 says review.",
        "Hold still.", "sharpness , 23 of 100", "after a rotation of the image by 90 degrees",
        "The image is almost black; take it again with more light",
        "is not a picture.", "Not as expected",
        "toy-lfw", "90,000", "1 in 100", "5.70 to 6.30", "toy@123abc",
        "CPUExecutionProvider, 2 threads", "20 ms", "A score is not a fact about a person.",
    ):  # fmt: skip
        assert words.replace(" ,", ",") in text.replace(" ,", ","), words


def test_nothing_that_a_stranger_names_becomes_markup():
    html = page.render(all_kinds(), CALIBRATION, title=HOSTILE, lead=HOSTILE)
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 8
    assert not any(tag == "script" for tag, _ in tags(html).seen)


def test_the_page_needs_nothing_beside_it():
    html = page.render(all_kinds(), CALIBRATION, title="T")
    assert not re.search(r"https?://|@import|url\(", html)
    for tag, attributes in tags(html).seen:
        assert attributes.get("src", "data:").startswith("data:image/jpeg;base64,") or tag != "img"
        assert attributes.get("href", "#").startswith("#")
    assert not {"script", "link", "iframe", "base"} & {tag for tag, _ in tags(html).seen}


def test_all_pictures_have_words_and_all_links_a_target():
    seen = tags(page.render(all_kinds(), CALIBRATION, title="T")).seen
    targets = {attributes.get("id") for _, attributes in seen}
    assert all(attributes.get("alt") for tag, attributes in seen if tag == "img")
    assert all(attributes["href"][1:] in targets for _, attributes in seen if "href" in attributes)
    assert seen[1] == ("html", {"lang": "en"}) or seen[0] == ("html", {"lang": "en"})


def test_headings_go_down_one_step_at_a_time():
    seen = tags(page.render(all_kinds(), CALIBRATION, title="T")).seen
    levels = [int(tag[1]) for tag, _ in seen if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_a_page_without_pictures_or_gallery_is_whole():
    assert "0 images" in " ".join(tags(page.render([], None, title="T")).text).replace("\n", "")
    html = page.render([entry("a.jpg", picture(), answer(face()))], None, title="T")
    assert "Where the threshold comes from" not in "".join(tags(html).text)


def test_an_empty_gallery_gives_no_scale_but_the_reason():
    nobody = Decision("unknown", None, None, None, 0.5, "The gallery is empty.")
    html = page.render([entry("a.jpg", picture(), answer(face(nobody)))], CALIBRATION, title="T")
    assert "The gallery is empty." in html
    assert 'class="scale"' not in html


def many(count, match=None):
    """Strangers without end, one picture without a face, and one match."""
    rest = entry("stranger.jpg", picture(), answer(face(decided("unknown", 3.0))))
    rows = [replace(rest, name=f"p/{number:04d}.jpg") for number in range(count)]
    rows[3] = entry("wall.jpg", picture(), answer(reason="none"))
    if match is not None:
        rows[match] = entry("match.jpg", picture(), answer(face(decided("match", 8.0, HOSTILE))))
    return rows


def test_hundreds_of_pictures_are_folded_up():
    one = entry("a.jpg", picture(), answer(face(decided("match", 8.0, "Ada"))))
    html = page.render([one] * (page.ROOMY + 1), CALIBRATION, title="T")
    tags(html)
    assert html.count('<details class="entry"') == page.ROOMY + 1
    assert f"and {page.ROOMY + 1 - page.LINKS} more" in html


def test_matches_come_first_then_reviews_then_what_has_no_face():
    rows = many(200, match=150)
    rows[170] = entry("low.jpg", picture(), answer(face(decided("match", 7.0, "Ada"))))
    rows[180] = entry("rev.jpg", picture(), answer(face(decided("review", 9.0, None))))
    rows[190] = entry("bad.jpg", None, None, "It is damaged.")
    html = page.render(rows, CALIBRATION, title="T")
    numbers = [int(number) for number in re.findall(r'id="p(\d+)"', html)]
    assert numbers[:3] == [151, 171, 181]
    assert numbers[-2:] == [4, 191]
    assert sorted(numbers) == list(range(1, 201))
    first, rest = html.split('<template id="others">')
    assert (first.count('<details class="entry"'), rest.count('<details class="entry"')) == (
        60,
        140,
    )


def test_a_large_page_holds_no_markup_of_strangers_either():
    html = page.render(many(100, match=50), CALIBRATION, title="T")
    seen = tags(html).seen
    assert sum(tag == "script" for tag, _ in seen) == 1
    assert 'alert("1")' not in html
    assert all("onload" not in attributes for _, attributes in seen)
    kinds = [attributes["value"] for _, attributes in seen if attributes.get("name") == "kind"]
    assert kinds == ["", "match", "unknown", "none"]


def test_a_review_is_shown_with_its_candidate_though_it_names_nobody():
    undecided = replace(decided("review", 5.8, "Cy"), person=None)
    one = entry("a.jpg", picture(), answer(face(undecided)))
    assert one.people == ["Cy?"]
    text = " ".join(" ".join(tags(page.render([one], CALIBRATION, title="T")).text).split())
    assert "Cy?" in text
    assert "Cy 0 1 5.8" in text  # matches, reviews, best score


def test_many_images_lie_in_a_folder_beside_the_page(tmp_path, monkeypatch):
    monkeypatch.setattr(page, "ALONE", 1000)
    pipeline = Pipeline(detector=Toy(), embedder=Toy(), calibration=CALIBRATION)
    folder = tmp_path / "a b#_files"
    folder.mkdir()
    (folder / "mien-000999.jpg").write_bytes(b"of an earlier report")
    (folder / "mine.jpg").write_bytes(b"of somebody else")
    write_answers(tmp_path / "a b#.html", many(80, match=5), pipeline, title="T")
    html = (tmp_path / "a b#.html").read_text("utf-8")
    links = [at["src"] for tag, at in tags(html).seen if tag == "img"]
    assert len(links) == 80 + 79  # one picture has no face
    assert all((tmp_path / unquote(link)).is_file() for link in links)
    assert not (folder / "mien-000999.jpg").exists()
    assert (folder / "mine.jpg").exists()
    assert "has its images in the folder a b#_files" in html
    assert html.count("data:image") == 0


PROBE = """<script>
const wait = () => new Promise(done => setTimeout(done, 30));
const names = () => [...document.querySelectorAll("#entries .entry")].map(e => e.dataset.number);
const press = key => document.body.dispatchEvent(
  new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
addEventListener("load", async () => {
  const told = {first: names()[0], size: names().length};
  const form = document.querySelector(".tools");
  press("ArrowRight"); told.second = names().length; told.where =
    document.querySelector(".where").textContent;
  press("/"); told.focus = document.activeElement.name;
  document.activeElement.blur();
  form.text.value = "ÜNÏ"; form.text.dispatchEvent(new Event("input", {bubbles: true}));
  told.search = names();
  form.text.value = "0077"; form.text.dispatchEvent(new Event("input", {bubbles: true}));
  told.file = names();
  location.hash = "#p100"; await wait();
  told.opened = document.querySelector("#p100").open;
  form.kind.value = "none"; form.kind[3].dispatchEvent(new Event("input", {bubbles: true}));
  told.none = names();
  form.text.value = "nobody"; form.text.dispatchEvent(new Event("input", {bubbles: true}));
  told.status = document.querySelector(".status").textContent;
  document.title = JSON.stringify(told);
});
</script></body>"""


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs Chromium")
def test_the_page_turns_searches_and_follows_links(tmp_path):
    html = page.render(many(130, match=70), CALIBRATION, title="T")
    (tmp_path / "r.html").write_text(html.replace("</body>", PROBE), "utf-8")
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
               "--virtual-time-budget=4000", f"--user-data-dir={tmp_path / 'profile'}",
               (tmp_path / "r.html").as_uri()]  # fmt: skip
    seen = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    told = json.loads(unescape(re.search("<title>(.*?)</title>", seen)[1]))
    assert told == {
        "first": "71", "size": 60, "second": 60, "where": "Page 2 of 3", "focus": "text",
        "search": ["71"], "file": ["78"], "opened": True, "none": ["4"],
        "status": "No image matches the search.",
    }  # fmt: skip


def test_other_calibrations_than_that_of_the_decision_draw_no_review_band():
    other = Basis("another", "toy/1", 6.0, 5.7, 6.3, fmr=1e-6)
    html = page.render(
        [entry("a.jpg", picture(), answer(face(decided("match", 8.0, "A", other))))],
        CALIBRATION,
        title="T",
    )
    widths = re.findall(r'class="zone-review" x="[\d.]+" y="24" width="([\d.]+)"', html)
    assert "0.0" in widths


def test_entries_hold_small_pictures_and_no_vectors():
    big = picture(3000, 4000)
    one = entry("a.jpg", big, answer(face(decided("match", 8.0, "Ada"))))
    assert one.size == (420, 560)
    assert one.faces[0].face.embedding is None
    assert len(one.picture) < 400_000


def test_a_face_without_points_or_with_missing_ones_is_shown():
    unseen = POINTS.copy()
    unseen[3:] = np.nan
    for points, chips in ((None, 0), (unseen, 1)):
        one = entry("a.jpg", picture(), answer(face(points=points)))
        html = page.render([one], None, title="T")
        assert html.count('class="chip"') == chips


def test_the_file_is_written_whole(tmp_path):
    path = tmp_path / "r.html"
    pipeline = Pipeline(detector=Toy(), embedder=Toy(), calibration=CALIBRATION)
    write_answers(path, iter(all_kinds()), pipeline, title="T")
    assert path.read_text("utf-8").endswith("</html>")
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]


def test_a_folder_that_is_not_there_is_a_sentence(tmp_path):
    with pytest.raises(MienError, match="does not exist"):
        write_answers(tmp_path / "no" / "r.html", [], Pipeline(detector=Toy()))
