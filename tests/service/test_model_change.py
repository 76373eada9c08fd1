"""A gallery gets another embedder, from its images; it is tried on live searches before."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.toys import COLOURS, NEW, TOY, Blind, Colours, Mirrored
from typer.testing import CliRunner

from mien.cli.main import app
from mien.decision import CalibrationError
from mien.decision.calibration import calibration_text
from mien.errors import GalleryMismatchError, MienError
from mien.gallery import open_gallery
from mien.media import write_image
from mien.photo.trial import compared_as
from mien.service import enroll, identify, items_in
from mien.service.model_change import embed_beside
from mien.types import Decision


@pytest.fixture
def folder(tmp_path, portrait):
    for name in COLOURS:
        target = tmp_path / "photos" / name
        target.mkdir(parents=True)
        write_image(target / "1.png", portrait(name))
    return tmp_path / "photos"


@pytest.fixture
def gallery(tmp_path, toy_pipeline, folder):
    with open_gallery(tmp_path / "g.mien", toy_pipeline.embedder.contract, create=True) as it:
        list(enroll(items_in(folder), toy_pipeline, it))
        it.begin_model(NEW)
        yield it


@pytest.fixture
def fresh(toy_pipeline):
    """The pipeline of the new model."""
    return replace(toy_pipeline, embedder=Mirrored(), calibration=None)


def outcomes(found):
    return [(one.person, one.outcome, one.reason) for one in found]


def test_all_images_are_embedded_again_and_a_stopped_run_continues(gallery, fresh):
    done = embed_beside(gallery, replace(fresh), run=None)
    assert outcomes(done) == [(name, "embedded", None) for name in COLOURS]
    assert gallery.model_change().embedded == 3
    assert list(embed_beside(gallery, fresh)) == []
    gallery.switch_model()
    assert [len(gallery.templates(name)) for name in COLOURS] == [1, 1, 1]


def test_a_run_that_was_stopped_keeps_its_batches(gallery, fresh, monkeypatch):
    monkeypatch.setattr("mien.service.model_change.BATCH", 1)
    found = embed_beside(gallery, fresh)
    next(found)
    found.close()
    assert gallery.model_change().embedded == 1
    assert [one.person for one in embed_beside(gallery, fresh)] == ["Bob", "Cyd"]


def test_an_image_that_was_moved_is_found_by_its_bytes(gallery, fresh, folder, tmp_path):
    (folder / "Ada" / "1.png").rename(tmp_path / "elsewhere.png")
    write_image(folder / "Bob" / "1.png", np.full((50, 50, 3), 9, np.uint8))
    (folder / "Cyd" / "1.png").write_bytes(b"")
    reasons = [one.reason for one in embed_beside(gallery, fresh)]
    assert reasons == ["missing", "changed", "changed"]
    assert gallery.model_change().embedded == 0
    (tmp_path / "archive").mkdir()
    (tmp_path / "elsewhere.png").rename(tmp_path / "archive" / "x.png")
    found = list(embed_beside(gallery, fresh, images=[tmp_path / "archive"]))
    assert [one.reason for one in found] == [None, "changed", "changed"]


def test_the_face_at_the_place_of_the_template_counts(tmp_path, toy_pipeline, fresh, portrait):
    path = tmp_path / "Ada.png"
    write_image(path, portrait("Ada"))
    with open_gallery(tmp_path / "g.mien", toy_pipeline.embedder.contract, create=True) as gallery:
        list(enroll(items_in(path), toy_pipeline, gallery))
        [one] = gallery.templates("Ada")
        gallery.begin_model(NEW)
        gone = replace(fresh, detector=Nowhere())
        assert [each.reason for each in embed_beside(gallery, gone)] == ["no-face"]
        assert one.box is not None


class Nowhere:
    """A detector that finds a face where there is none."""

    name, digest = "squares", ""

    def __init__(self):
        from tests.toys import Squares

        self.device, self._squares = Squares.device, Squares()

    def __call__(self, image):
        return [replace(face, box=face.box * 0 + [0, 0, 5, 5]) for face in self._squares(image)]


def test_another_embedder_than_that_of_the_change_is_refused(gallery, toy_pipeline):
    with pytest.raises(GalleryMismatchError, match=NEW):
        next(embed_beside(gallery, toy_pipeline))


# ---------------------------------------------------------------- trial


def tried(gallery, toy_pipeline, embedder, folder):
    """Compare both models on the images of a folder."""
    fresh = replace(toy_pipeline, embedder=embedder, calibration=None)
    list(embed_beside(gallery, fresh))
    gallery.bind(calibration_text(replace(TOY, contract=NEW)), None)
    gallery.try_model()
    live = replace(toy_pipeline, beside=embedder)
    live.use(gallery)
    return list(identify([str(path) for path in sorted(folder.rglob("*.png"))], live))


def test_live_searches_are_answered_by_the_present_model_and_compared(
    gallery, toy_pipeline, folder
):
    found = tried(gallery, toy_pipeline, Mirrored(), folder)
    decisions = [one.answer.faces[0].decision for one in found]
    assert [one.person for one in decisions] == ["Ada", "Bob", "Cyd"]
    assert [one.trial.person for one in decisions] == ["Ada", "Bob", "Cyd"]
    assert all("embed-trial" in one.answer.models for one in found)
    change = gallery.model_change()
    assert (change.faces, change.equal) == (3, 3)


@pytest.mark.parametrize(("new", "agrees"), [(Mirrored, True), (Blind, False)])
def test_the_people_of_a_film_are_compared_too(
    gallery, toy_pipeline, folder, film, scene, new, agrees
):
    tried(gallery, toy_pipeline, new(), folder)
    before = gallery.model_change()
    live = replace(toy_pipeline, beside=new())
    live.use(gallery)
    here = [scene({"Ada": (10 + k, 10), "Bob": (150, 90)}) for k in range(30)]
    gone = [scene({})] * 60
    path = film([*here, *gone, *here])
    [one] = identify([str(path)], live)
    people = sorted(one.film.people, key=lambda person: person.person)
    decisions = [person.decision for person in people]
    assert [each.person for each in decisions] == ["Ada", "Bob"]
    assert [len(person.tracks) for person in people] == [2, 2]
    assert ([each.trial.person for each in decisions] == ["Ada", "Bob"]) is agrees
    change = gallery.model_change()
    assert change.faces == before.faces + 2
    assert (change.equal == before.equal + 2) is agrees


def test_a_worse_model_is_seen_in_the_counts_and_changes_no_answer(gallery, toy_pipeline, folder):
    found = tried(gallery, toy_pipeline, Blind(), folder)
    decisions = [one.answer.faces[0].decision for one in found]
    assert [one.person for one in decisions] == ["Ada", "Bob", "Cyd"]
    change = gallery.model_change()
    assert change.faces == 3
    assert change.equal < 3
    assert sum(n for code, n in change.compared.items() if code.startswith("match-")) == 3


def test_the_calibration_changes_with_the_model(gallery, toy_pipeline, folder):
    gallery.bind(calibration_text(TOY), None)
    tried(gallery, toy_pipeline, Mirrored(), folder)
    gallery.switch_model()
    assert json.loads(gallery.calibration())["contract"] == NEW
    gallery.roll_back_model()
    assert json.loads(gallery.calibration())["contract"] == TOY.contract
    gallery.end_model()
    assert json.loads(gallery.calibration())["contract"] == TOY.contract


def test_a_trial_without_model_or_calibration_is_refused_when_it_is_opened(gallery, toy_pipeline):
    gallery.try_model()
    with pytest.raises(MienError, match="try --off"):
        replace(toy_pipeline).use(gallery)
    with pytest.raises(CalibrationError):
        replace(toy_pipeline, beside=Mirrored()).use(gallery)
    with pytest.raises(GalleryMismatchError):
        replace(toy_pipeline, beside=Colours()).use(gallery)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (("match", "Ada"), ("match", "Ada"), "match-match"),
        (("match", "Ada"), ("match", "Bob"), "match-match-other"),
        (("match", "Ada"), ("unknown", None), "match-unknown"),
        (("unknown", None), ("match", "Ada"), "unknown-match"),
    ],
)
def test_what_differs_is_named(old, new, code):
    made = [Decision(outcome, who, 0.9, 0.9, 0.5, "reason") for outcome, who in (old, new)]
    assert compared_as(*made) == code


# ---------------------------------------------------------------- commands


def run(*args):
    done = CliRunner().invoke(app, list(map(str, args)))
    return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()], done


@pytest.fixture
def lfw_faces(data, tmp_path):
    """Return make(count) -> name -> two images of each of so many people."""

    def make(count):
        chosen = {}
        with zipfile.ZipFile(data / "lfw_gray.zip") as pack:
            names = sorted(n for n in pack.namelist() if n.endswith(("_0001.jpg", "_0002.jpg")))
            pairs = [n for n in names if n.endswith("_0002.jpg")]
            for second in pairs[:: max(1, len(pairs) // count)][:count]:
                name = Path(second).stem.removesuffix("_0002")
                both = (second.replace("_0002.jpg", "_0001.jpg"), second)
                chosen[name] = [Path(pack.extract(n, tmp_path / "lfw")) for n in both]
        return chosen

    return make


@pytest.mark.realdata
@pytest.mark.weights
def test_from_the_8_bit_embedder_to_the_float_one_and_back_by_commands(tmp_path, lfw_faces):
    where = ("--gallery", tmp_path / "g.mien")
    people = tmp_path / "people"
    asked = []
    for name, (first, second) in lfw_faces(12).items():
        (people / name).mkdir(parents=True)
        (people / name / first.name).write_bytes(first.read_bytes())
        asked.append((name, second))
    assert run("enroll", people, *where)[0] == 0
    assert run("gallery", "model", "begin", "dlib-resnet29", *where)[0] == 0
    code, _, done = run("gallery", "model", "switch", *where)
    assert code == 1, done
    code, rows, _ = run("gallery", "model", "embed", *where)
    assert (code, rows[-1]["embedded"]) == (0, rows[-1]["templates"])
    assert run("gallery", "model", "try", *where)[0] == 0
    pictures = [path for _, path in asked]
    before = found(run("identify", *pictures, *where)[1])
    code, rows, _ = run("gallery", "model", "compare", *pictures, *where)
    assert code == 0
    assert rows[-1]["faces"] >= 2 * len(before) - 4
    assert rows[-1]["equal"] / rows[-1]["faces"] > 0.8
    assert run("gallery", "model", "switch", *where)[0] == 0
    after = found(run("identify", *pictures, *where)[1])
    assert sum(a == b for a, b in zip(before, after, strict=True)) >= 0.8 * len(before)
    assert run("gallery", "model", "rollback", *where)[0] == 0
    assert found(run("identify", *pictures, *where)[1]) == before
    assert run("gallery", "model", "end", *where)[0] == 0
    assert run("gallery", "model", "show", *where)[1][0]["change"] is None


def found(rows):
    return [row["faces"][0]["decision"]["person"] if row["faces"] else None for row in rows]
