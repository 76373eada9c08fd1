"""The page: everything it has to tell is on it, nothing leaves it, nobody's name is markup."""

import re
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest

from mien.decision.calibration import Calibration, Check, Point, Rate
from mien.errors import MienError
from mien.photo import Pipeline
from mien.report import entry, page, write_answers
from mien.testing import TOY_DEVICE
from mien.types import Answer, Basis, Candidate, Decision, Face, Quality

HOSTILE = '<script>alert("1")</script> & Ünï'
VOID = {"meta", "img", "link", "br", "hr", "input"}
RATE = Rate(0.01, 0.6, 0.012, 0.008, 0.016, 0.03, 0.01, 0.06)
CALIBRATION = Calibration(
    "toy-lfw", "toy/1", "toy", "pictures of nobody.", 40, 900, 90_000,
    (Point(0.1, 0.5, 0.48, 0.52), Point(0.01, 0.6, 0.57, 0.63), Point(0.001, 0.7, 0.66, 0.74)),
    20.0, -11.0,
    Check("other pictures", 10, 90, 9_000, (RATE,), 0.02, 0.1),
    "none",
)  # fmt: skip
BASIS = Basis("toy-lfw", "toy/1", 0.6, 0.57, 0.63, fmr=0.01, fpir=0.01, templates=1)
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
        if self.open[-1:] != ["style"]:
            self.text.append(data)


def picture(height=90, width=120):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def decided(outcome, similarity, person=None, basis=BASIS):
    candidates = (Candidate(person or "Bob", similarity, 1), Candidate("Second", 0.31, 2))
    reason = f"Similarity {similarity:.3f} says {outcome}."
    return Decision(outcome, person, similarity, 0.42, 0.5, reason, basis, 0.1, candidates)


def face(decision=None, points=POINTS):
    quality = Quality({"sharpness": 23.0, "head_pose_yaw": 88.0}, {}, ("Hold still.",))
    return Face(
        np.array([30, 25, 70, 75], np.float32), 0.99, points, quality=quality, decision=decision
    )


def answer(*faces, reason=None, turned=0):
    seconds = {"detect": 0.02, "embed": 0.003}
    return Answer(faces, (90, 120), turned, False, reason, MODELS, seconds)


def all_kinds():
    people = [face(decided("match", 0.81, HOSTILE)), face(decided("review", 0.55, "Cy"))]
    return [
        entry(f"a/{HOSTILE}.jpg", picture(), answer(*people), note=HOSTILE, group="First"),
        entry("b.jpg", picture(), answer(face(decided("unknown", 0.3))), group="First"),
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
        "1 error", "0.810", "threshold 0.600", "42.0 %", "Similarity 0.550 says review.",
        "Hold still.", "sharpness , 23 of 100", "after a rotation of the image by 90 degrees",
        "A face is found only after the image is brightened",
        "is not a picture.", "Not as expected",
        "toy-lfw", "90,000", "1 in 100", "0.570 to 0.630", "toy@123abc",
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


def test_hundreds_of_pictures_are_folded_up():
    one = entry("a.jpg", picture(), answer(face(decided("match", 0.8, "Ada"))))
    html = page.render([one] * (page.ROOMY + 1), CALIBRATION, title="T")
    tags(html)
    assert html.count('<details class="entry"') == page.ROOMY + 1
    assert f"and {page.ROOMY + 1 - page.LINKS} more" in html


def test_other_calibrations_than_that_of_the_decision_draw_no_review_band():
    other = Basis("another", "toy/1", 0.6, 0.57, 0.63, fmr=0.01)
    html = page.render(
        [entry("a.jpg", picture(), answer(face(decided("match", 0.8, "A", other))))],
        CALIBRATION,
        title="T",
    )
    widths = re.findall(r'class="zone-review" x="[\d.]+" y="24" width="([\d.]+)"', html)
    assert "0.0" in widths


def test_entries_hold_small_pictures_and_no_vectors():
    big = picture(3000, 4000)
    one = entry("a.jpg", big, answer(face(decided("match", 0.8, "Ada"))))
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
