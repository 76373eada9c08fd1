"""An edit reaches what was asked for, keeps the rest, and declares itself."""

import json
import zipfile
from dataclasses import dataclass
from importlib import import_module

import numpy as np
import pytest

from mien.align import matrix
from mien.contracts import Artefact
from mien.detect import detect_with_retries
from mien.errors import MienError, NoFaceError, OptionError
from mien.gallery import open_gallery
from mien.landmarks import fit_largest
from mien.media import read_change, read_image, stretched, warp, write_image
from mien.media.skin import cheeks, has_tone, toned
from mien.metrics import tone_angle
from mien.photo import Pipeline
from mien.service import Item, enroll, make
from mien.systems.edit_face.make import FRAME, SIDE, EditFace, Options
from mien.testing import check, noise
from mien.zoo import load

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def maker():
    return load("edit-face")


def photo(image, name="a.jpg"):
    return {"image": Artefact("image", image=image, name=name, sha256="ab" * 32)}


def angle(image, mtcnn):
    face = detect_with_retries(mtcnn, image, "never").faces[0]
    return tone_angle(cheeks(warp(image, matrix(face, FRAME), SIDE, "edge")))


@dataclass(frozen=True, slots=True)
class Darker(Options):
    """Options whose defaults edit something."""

    tone: float = -10.0


def test_it_keeps_the_contract_of_makers(maker, astronaut, monkeypatch):
    monkeypatch.setattr(EditFace, "options", Darker)
    check("maker", maker, inputs=photo(astronaut))


def test_the_tone_of_the_face_changes_by_what_was_asked(maker, astronaut, mtcnn):
    before = angle(astronaut, mtcnn)
    made = maker(photo(astronaut), Options(tone=-25.0))
    done = made.artefacts[0].image
    assert angle(done, mtcnn) == pytest.approx(before - 25, abs=6)
    assert np.array_equal(done[420:], astronaut[420:])
    assert made.provenance.change == "edited"
    assert "other skin keep theirs" in made.notes[0]


def test_a_smile_lifts_the_corners_of_the_mouth(maker, astronaut, hopper, mtcnn):
    mesh = load("attention-mesh")

    def lift(image):
        faces = detect_with_retries(mtcnn, image, "never").faces
        points = fit_largest(mesh, image, faces, "it")
        size = np.linalg.norm(points[45] - points[36])
        return float((points[[51, 57], 1].mean() - points[[48, 54], 1].mean()) / size)

    smile = maker(photo(hopper), Options(smiling=1.0)).artefacts[0].image
    frown = maker(photo(hopper), Options(smiling=-1.0)).artefacts[0].image
    assert lift(smile) > lift(hopper) > lift(frown)


@pytest.mark.parametrize(
    ("inputs", "options", "error", "says"),
    [
        ({}, Options(tone=5), MienError, "edits a photograph"),
        (photo(noise(1, 64)[0]), Options(), OptionError, "Nothing to edit"),
        (photo(noise(1, 64)[0]), Options(smiling=2), OptionError, "smiling is 2; expected"),
        (photo(noise(1, 64)[0]), Options(smiling=float("nan")), OptionError, "smiling is nan"),
        (photo(noise(1, 64)[0]), Options(tone=900), OptionError, "tone is 900"),
        (photo(np.full((90, 90, 3), 99, np.uint8)), Options(tone=5), NoFaceError, r"in a\.jpg"),
    ],
)
def test_what_cannot_be_edited_is_refused(maker, inputs, options, error, says):
    with pytest.raises(error, match=says):
        maker(inputs, options)


def test_a_face_without_colours_has_no_tone(maker, astronaut):
    grey = np.repeat(astronaut.mean(-1, keepdims=True), 3, -1).astype(np.uint8)
    with pytest.raises(MienError, match="without colours is not defined"):
        maker(photo(grey), Options(tone=10))


def test_an_edited_face_declares_itself_and_is_refused_by_enrolment(
    maker, astronaut, tmp_path, mtcnn, embedder
):
    write_image(tmp_path / "in.png", astronaut)
    [item] = make("edit-face", [tmp_path / "in.png"], tmp_path / "out.png", maker=maker,
                  settings=["tone=-20"])  # fmt: skip
    assert read_change(item.files[0]) == "edited"
    sidecar = json.loads((tmp_path / "out.provenance.json").read_text())
    assert sidecar["options"]["tone"] == "-20.0"
    pipeline = Pipeline(detector=mtcnn, embedder=embedder)
    with open_gallery(tmp_path / "g.mien", embedder.contract, create=True) as known:
        [refused] = enroll([Item("Eileen", item.files[0])], pipeline, known)
    assert refused.reason == "made-edited"


@pytest.fixture
def parts(torch):
    return import_module("mien.systems.edit_face.data"), import_module(
        "mien.systems.edit_face.proof"
    )


def toy(data, count=80):
    rng = np.random.default_rng(0)
    dark = np.arange(count) % 4 == 0
    colour = np.where(dark[:, None], (110, 76, 58), (220, 180, 155))
    images = np.broadcast_to(colour[:, None, None], (count, 128, 128, 3))
    images = np.clip(images + rng.normal(0, 5, images.shape), 0, 255).astype(np.uint8)
    angles = np.array([tone_angle(cheeks(image)) for image in images])
    ages, race = np.full(count, 30), np.where(dark, "Black", "White")
    return data.TonedFaces(images, angles, np.arange(count) // 4 % 2, ages, race)


def test_training_sets_have_the_planned_share_and_edits_fill_it(parts):
    data, _ = parts
    faces = toy(data)
    some = data.training_set(faces, 40, 0.1, 0)
    assert (some.dark.mean(), some.gender.mean()) == (0.1, 0.5)
    more, share = data.edited(some, 0)
    assert share == 1
    assert more.dark.all()
    assert data.joined(some, more).dark.mean() == 0.5
    broken, _ = data.edited(some, 0, darker=False)
    assert not broken.dark.any()


def test_every_arm_trains_and_is_measured_on_real_faces(parts, monkeypatch):
    data, proof = parts
    monkeypatch.setattr(proof, "COUNT", 40)
    given = proof.Parts(toy(data), toy(data))
    short = {"epochs": 1, "share": 0.1}
    for arm in (proof.Arm(**short), proof.Arm(edits="dark", light=0.3, **short),
                proof.Arm(last=True, weighted=True, **short)):  # fmt: skip
        found = proof.fairness(arm, 0, given)
        assert all(
            0 <= found[name] <= 100 for name in ("dark", "light", "gap", "worst", "equalised")
        )


@pytest.mark.realdata
def test_real_faces_reach_the_tone_and_stay_themselves(data, tmp_path, embedder, parts):
    _, proof = parts
    with zipfile.ZipFile(data / "utkface_part1.zip") as pack:
        names = sorted(name for name in pack.namelist() if name.endswith(".jpg"))[::60]
        images = [stretched(read_image(pack.read(name)), 128) for name in names]
    faces = np.stack([image for image in images if has_tone(image)])
    wanted = np.resize(proof.ASKED, len(faces)).astype(float)
    made = np.stack([toned(x, angle) for x, angle in zip(faces, wanted, strict=True)])
    off = np.abs([tone_angle(cheeks(x)) for x in made] - wanted)
    low, high = REACHED
    assert low <= 100 * (off <= proof.NEAR).mean() <= high
    cosine = (proof.embedded(embedder, faces) * proof.embedded(embedder, made)).sum(1)
    assert cosine.mean() > 0.97


REACHED = (85.9, 99.5)  # %: 92.7 in README.md, and three standard errors of 130 faces
