"""Virtual people are the same again, differ from each other, and are never enrolled."""

import json

import numpy as np
import pytest

from mien.errors import MienError, OptionError
from mien.gallery import open_gallery
from mien.media import read_change
from mien.photo import Pipeline
from mien.service import Item, enroll
from mien.service.virtual_people import Matches, VirtualPlan, draw_identities

pytestmark = pytest.mark.slow
PLAN = VirtualPlan(2, 2, size=48)


class Numbered:
    """Everybody differs, but for the candidates that are named."""

    def __init__(self, similar=()):
        self.similar, self.known = set(similar), 0

    def vectors(self, actor, styles, seed):
        return np.array([[seed, 1.0]], np.float32)

    def refuse(self, vectors):
        return int(vectors[0, 0]) in self.similar

    def add(self, vector):
        self.known += 1


def files(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_stopped_set_is_continued_to_the_same_bytes(tmp_path):
    first = draw_identities(PLAN, tmp_path / "a", matches=Numbered())
    assert (first.people, first.images, first.refused) == (2, 4, 0)
    whole = files(tmp_path / "a")
    (tmp_path / "a" / "people" / "000001.json").unlink()  # as if the disk had been full
    (tmp_path / "a" / "manifest.jsonl").unlink()
    image = next((tmp_path / "a").glob("*/0001.png"))
    image.write_bytes(b"")
    image.unlink()
    for path in (tmp_path / "a" / "people").glob("*.json"):
        if image.parent.name in path.read_text():
            path.write_text("{")  # cut
    again = draw_identities(PLAN, tmp_path / "a", matches=Numbered())
    assert again.images == 4
    assert files(tmp_path / "a") == whole
    rows = [json.loads(line) for line in first.manifest.read_text().splitlines()]
    assert len({row["identity_id"] for row in rows}) == 2
    assert all(read_change(tmp_path / "a" / row["file"]) == "synthetic" for row in rows)
    assert "yaw" in rows[0]["style"]


def test_similar_people_are_refused_and_fewer_are_returned(tmp_path):
    found = draw_identities(PLAN, tmp_path / "a", matches=Numbered({0, 2, 3, 4, 5, 6, 7}))
    assert (found.people, found.refused) == (1, 7)
    assert found.images == 2


def test_a_candidate_must_be_more_similar_to_itself_than_to_others():
    class Nothing:
        crop = None

    judge = Matches(Nothing())
    portrait = np.array([1.0, 0.0], np.float32)
    same = np.array([0.8, 0.6], np.float32)
    assert not judge.refuse(np.stack([portrait, same]))
    judge.add(np.array([0.6, 0.8], np.float32))  # cosine 0.6 to the portrait, own ones 0.8
    assert not judge.refuse(np.stack([portrait, same]))
    judge.add(np.array([0.96, 0.28], np.float32))
    assert judge.refuse(np.stack([portrait, same]))


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "x.txt").write_text("mine")
    with pytest.raises(MienError, match="neither an empty folder nor"):
        draw_identities(PLAN, tmp_path, matches=Numbered())
    draw_identities(VirtualPlan(2, 1, size=32), tmp_path / "a", matches=Numbered())
    with pytest.raises(MienError, match="holds other virtual people"):
        draw_identities(PLAN, tmp_path / "a", matches=Numbered())


@pytest.mark.parametrize(
    ("settings", "says"),
    [((1, 5), "2 people or more"), ((5, 0), "1 image or more"), ((5, 5, "free"), "Styles are")],
)
def test_wrong_plans_are_refused(settings, says):
    with pytest.raises(OptionError, match=says):
        VirtualPlan(*settings)


@pytest.mark.weights
def test_a_virtual_person_is_never_enrolled(tmp_path, mtcnn, embedder):
    found = draw_identities(VirtualPlan(2, 1, size=128), tmp_path / "a")
    row = json.loads(found.manifest.read_text().splitlines()[0])
    pipeline = Pipeline(detector=mtcnn, embedder=embedder)
    with open_gallery(tmp_path / "g.mien", embedder.contract, create=True) as known:
        [refused] = enroll([Item("nobody", tmp_path / "a" / row["file"])], pipeline, known)
    assert refused.reason == "made-synthetic"
