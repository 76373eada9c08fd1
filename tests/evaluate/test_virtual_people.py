"""The audit of synthetic people finds copies of real ones, and none where there are none."""

import numpy as np
import pytest

from mien.errors import MienError, TooFewTrialsError
from mien.evaluate.virtual_people import audit_people, style_of
from mien.media import write_image
from mien.metrics.findings import plain
from mien.testing import TOY_DEVICE
from mien.types import Crop, Face

POINTS = np.array([[8, 10], [24, 10], [16, 16], [10, 24], [22, 24]], np.float32)


class Whole:
    """Takes the whole image as a face, unless it is black."""

    name, digest, device = "whole", "0", TOY_DEVICE

    def __call__(self, image):
        if not image.any():
            return []
        side = image.shape[0]
        return [Face(np.array([0, 0, side, side], np.float32), 1.0, POINTS * side / 32)]


class Colours:
    """Embeds a chip as waves of its mean colour."""

    name, digest, device, contract = "colours", "0", TOY_DEVICE, "colours@0"
    crop = Crop(size=32)

    def __call__(self, chips):
        mean = chips.reshape(len(chips), -1, 3).mean(1)
        waves = np.exp(1j * mean @ np.random.default_rng(3).normal(0, 0.05, (3, 64)))
        vectors = np.concatenate([waves.real, waves.imag], 1)
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def people(folder, colours, each=4, noise=4.0):
    for name, colour in enumerate(colours):
        for k in range(each):
            rng = np.random.default_rng([name, k, len(colours)])
            shown = np.clip(np.array(colour) + rng.normal(0, noise, 3), 1, 255)
            path = folder / f"p{name}" / f"{k}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, np.full((32, 32, 3), shown, np.uint8))


REAL = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40), (120, 120, 120)]
NOBODY = [(250, 150, 150), (20, 120, 80), (90, 20, 90), (160, 90, 220)]


def run(tmp_path, made, **more):
    people(tmp_path / "real", REAL)
    people(tmp_path / "made", made)
    return plain(audit_people(tmp_path / "made", tmp_path / "real", Colours(), Whole(), **more))


def test_people_who_do_not_exist_match_nobody(tmp_path):
    found = run(tmp_path, NOBODY)
    assert found["headline"]["images that match a real person"]["value"] == 0
    assert found["headline"]["distance to the nearest real image"]["value"] > 1
    rows = {row["Set"]: row for row in found["tables"][0]["rows"]}
    assert rows["synthetic"]["Equal error rate"] == 0
    assert rows["real"]["People"] == 5


def test_copies_of_real_people_are_found(tmp_path):
    found = run(tmp_path, [*REAL[:3], NOBODY[0]])
    assert found["headline"]["images that match a real person"]["value"] > 0.5
    assert found["headline"]["largest similarity to a real person"]["value"] > 0.95
    assert found["risk"]["level"] in ("medium", "high")


def test_two_folders_of_one_person_are_named(tmp_path):
    found = run(tmp_path, [*NOBODY, NOBODY[0]])
    assert "p0 and p4 of the synthetic set may be one person." in found["warnings"]


def test_images_without_a_face_are_counted_and_few_people_are_refused(tmp_path):
    people(tmp_path / "made", NOBODY)
    write_image(tmp_path / "made" / "p0" / "9.png", np.zeros((32, 32, 3), np.uint8))
    (tmp_path / "made" / "p0" / "10.png").write_bytes(b"none")
    found = run(tmp_path, NOBODY)
    assert "2 synthetic images show no face." in found["warnings"]
    people(tmp_path / "few", NOBODY[:2])
    with pytest.raises(TooFewTrialsError, match="2 people of the synthetic set"):
        audit_people(tmp_path / "few", tmp_path / "real", Colours(), Whole())


def test_a_layout_without_people_is_refused(tmp_path):
    people(tmp_path / "made", NOBODY)
    (tmp_path / "utk").mkdir()
    write_image(tmp_path / "utk" / "30_0_0_1.jpg.chip.png", np.full((32, 32, 3), 9, np.uint8))
    with pytest.raises(MienError, match="'utkface' names no people"):
        audit_people(tmp_path / "made", tmp_path / "utk", Colours(), Whole(), layout="utkface")
    with pytest.raises(MienError, match="Layout 'x' is unknown"):
        audit_people(tmp_path / "made", tmp_path / "utk", Colours(), Whole(), layout="x")


def test_styles_by_hand():
    image = np.full((32, 32, 3), 50, np.uint8)
    image[:, 16:] = 100
    face = Face(np.array([0, 0, 32, 32], np.float32), 1.0, POINTS)
    yaw, roll, mouth, side, light = style_of(image, face)
    assert (yaw, roll) == (0, 0)
    assert mouth == pytest.approx(12 / 16)
    assert side == pytest.approx(np.log(101 / 51))
    assert light == pytest.approx(np.log(76))
    turned = Face(face.box, 1.0, POINTS + np.array([[0, 0], [0, 16], [4, 0], [0, 0], [0, 0]]))
    assert style_of(image, turned)[1] == pytest.approx(45)
