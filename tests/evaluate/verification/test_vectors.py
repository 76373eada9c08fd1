import os

import numpy as np
import pytest

from mien.datasets.people import people_in, people_of_pairs
from mien.errors import MienError
from mien.evaluate.verification.vectors import embed_pictures
from mien.media import write_image
from mien.photo import Pipeline
from mien.testing import TOY_DEVICE
from mien.types import Crop, Face

FIVE = np.array([[20, 24], [44, 24], [32, 36], [24, 48], [40, 48]], np.float32)


class Finder:
    """Sees a face in every picture that is not black."""

    name, digest, device = "finder", "", TOY_DEVICE

    def __call__(self, image):
        box = np.array([8, 8, 56, 56], np.float32)
        return [Face(box, 0.9, FIVE, detector=self.name)] if image.any() else []


class Colours:
    """A vector of the mean colour; counts how often it was asked."""

    name, crop = "colours", Crop(size=16)
    digest, device = "", TOY_DEVICE

    def __init__(self, contract="colours/1/3"):
        self.contract, self.asked = contract, 0

    def __call__(self, chips):
        self.asked += len(chips)
        means = chips.reshape(len(chips), -1, 3).mean(1).astype(np.float32) + 1
        return means / np.linalg.norm(means, axis=1, keepdims=True)


@pytest.fixture
def folder(tmp_path):
    """Ada and Bo have two pictures each; one of Bo's is black."""
    for name, colour in {
        "Ada/1.png": (200, 10, 10),
        "Ada/2.png": (190, 20, 10),
        "Bo/1.png": (10, 200, 10),
        "Bo/2.png": (0, 0, 0),
    }.items():
        (tmp_path / "people" / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(tmp_path / "people" / name, np.full((64, 64, 3), colour, np.uint8))
    return tmp_path / "people"


@pytest.fixture
def pipeline():
    return Pipeline(detector=Finder(), embedder=Colours())


def test_a_folder_a_person(folder):
    pictures = people_in(folder)
    assert [(p.person, p.path.name) for p in pictures] == [
        ("Ada", "1.png"),
        ("Ada", "2.png"),
        ("Bo", "1.png"),
        ("Bo", "2.png"),
    ]
    # CRC-32 of "Ada" and "Bo" modulo 5: a name has one fold, whoever else is there.
    assert {p.person: p.fold for p in pictures} == {"Ada": 1, "Bo": 3}


def test_a_picture_of_nobody_is_refused(folder):
    write_image(folder / "stray.png", np.zeros((8, 8, 3), np.uint8))
    with pytest.raises(MienError, match=r"stray\.png belongs to no person"):
        people_in(folder)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(MienError, match="contains no images"):
        people_in(tmp_path)


def write_pairs(tmp_path, *lines):
    for name in ("Ada_B_0001.jpg", "Ada_B_0002.jpg", "Cy_0001.jpg"):
        (tmp_path / name).touch()
    (tmp_path / "pairs.csv").write_text("\n".join(["fold,file_a,file_b,same", *lines]) + "\n")
    return tmp_path / "pairs.csv"


def test_pairs_name_each_picture_once_and_its_person_without_the_number(tmp_path):
    pairs = write_pairs(
        tmp_path, "3,Ada_B_0001.jpg,Ada_B_0002.jpg,1", "3,Ada_B_0001.jpg,Cy_0001.jpg,0"
    )
    assert [(p.path.name, p.person, p.fold) for p in people_of_pairs(pairs, tmp_path)] == [
        ("Ada_B_0001.jpg", "Ada_B", 3),
        ("Ada_B_0002.jpg", "Ada_B", 3),
        ("Cy_0001.jpg", "Cy", 3),
    ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("0,Ada_B_0001.jpg,Cy_0001.jpg,1", "line 3.*correct that line"),
        ("0,Ada_B_0001.jpg,Ada_B_0002.jpg,0", "line 3.*correct that line"),
        ("x,Ada_B_0001.jpg,Cy_0001.jpg,0", "line 3.*correct that line"),
        ("1,Ada_B_0001.jpg,Cy_0001.jpg,0", "is in folds 0 and 1"),
        ("0,Ada_B_0001.jpg,Di_0001.jpg,0", "Di_0001.jpg, which is not in"),
        ("0,Ada_B_0001.jpg", "line 3 lacks 'file_b'"),
    ],
)
def test_a_list_of_pairs_that_cannot_be_is_refused_by_line(tmp_path, line, says):
    pairs = write_pairs(tmp_path, "0,Ada_B_0001.jpg,Ada_B_0002.jpg,1", line)
    with pytest.raises(MienError, match=says):
        people_of_pairs(pairs, tmp_path)


def test_a_list_that_is_empty_or_missing_is_refused(tmp_path):
    with pytest.raises(MienError, match="has no rows below its heading"):
        people_of_pairs(write_pairs(tmp_path), tmp_path)
    with pytest.raises(MienError, match="cannot be read"):
        people_of_pairs(tmp_path / "nothing.csv", tmp_path)


def test_every_picture_has_a_vector_or_a_reason(folder, pipeline):
    (folder / "Bo" / "3.png").write_bytes(b"no picture")
    told = []
    found, failures = embed_pictures(
        people_in(folder), pipeline, on_step=lambda *step: told.append(step)
    )
    assert {p.path.name for p in found if p.person == "Ada"} == {"1.png", "2.png"}
    assert [f.picture.path.name for f in failures] == ["2.png", "3.png"]
    assert "finder finds no face" in failures[0].reason
    assert told[-1] == ("faces", 5, 5)
    assert "3.png" in failures[1].reason


def test_vectors_that_were_kept_are_not_computed_again(folder, pipeline, tmp_path):
    kept = tmp_path / "vectors.npz"
    first, _ = embed_pictures(people_in(folder), pipeline, vectors=kept)
    asked = pipeline.embedder.asked
    again, _ = embed_pictures(people_in(folder), pipeline, vectors=kept)
    assert pipeline.embedder.asked == asked
    assert all((first[p] == again[p]).all() for p in first)
    changed = folder / "Ada" / "1.png"
    write_image(changed, np.full((64, 64, 3), (10, 10, 200), np.uint8))
    os.utime(changed, ns=(1, 1))
    embed_pictures(people_in(folder), pipeline, vectors=kept)
    assert pipeline.embedder.asked == asked + 1


def test_vectors_of_another_embedder_are_refused(folder, pipeline, tmp_path):
    kept = tmp_path / "vectors.npz"
    embed_pictures(people_in(folder), pipeline, vectors=kept)
    other = Pipeline(detector=Finder(), embedder=Colours("colours/2/3"))
    with pytest.raises(MienError, match=r"colours/1/3 finder', not of 'colours/2/3 finder"):
        embed_pictures(people_in(folder), other, vectors=kept)
    kept.write_bytes(b"broken")
    with pytest.raises(MienError, match="does not hold vectors"):
        embed_pictures(people_in(folder), pipeline, vectors=kept)


def test_a_run_that_breaks_off_keeps_what_it_had(folder, pipeline, tmp_path):
    kept = tmp_path / "vectors.npz"

    def stop(name, done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_pictures(people_in(folder), pipeline, vectors=kept, on_step=stop)
    before = pipeline.embedder.asked
    embed_pictures(people_in(folder), pipeline, vectors=kept)
    assert pipeline.embedder.asked == before + 1  # Bo's only visible face
