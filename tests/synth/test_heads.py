import dataclasses

import numpy as np
import pytest

from mien.errors import MienError
from mien.synth import open_head
from mien.synth.head import head_shape
from mien.synth.head.builtin import measure_names
from mien.synth.head.geometry_checks import lid_gap, mouth_opening
from mien.synth.head.head_files import read_head, save_head
from mien.synth.head.model import SKIN, HeadModel, eye_centres, landmarks, moved, shaped
from mien.synth.motion.controls import SHAPES, resolve
from mien.synth.skin.accessories import sheet


def areas(points, triangles, away):
    """Signed areas seen from `away`: negative if a triangle was turned over."""
    a, b, c = (points[triangles[:, k]] for k in range(3))
    return np.einsum("ij,ij->i", np.cross(b - a, c - a), away)


def test_zero_weights_give_the_template(head):
    nobody = shaped(head, np.zeros(0, np.float32))
    assert np.array_equal(nobody, head.template)
    assert np.array_equal(moved(head, nobody, dict.fromkeys(SHAPES, 0.0)), head.template)
    assert set(head.expression) == set(SHAPES)


def test_closed_lids_leave_no_gap(actor):
    assert lid_gap(actor, {}) > 5
    assert lid_gap(actor, {"AU45": 1}) <= 0.3


def test_a_dropped_jaw_opens_the_lips_by_25_millimetres(head):
    assert mouth_opening(head, {"AU27": 1}) >= 25


@pytest.mark.parametrize(
    "unit", ["AU1", "AU2", "AU4", "AU6", "AU12", "AU15", "AU18", "AU25", "AU27"]
)
def test_no_triangle_of_the_front_is_turned_over_by_a_move(builtin, unit):
    skin = (builtin.part == SKIN) & (builtin.canonical[builtin.triangles][:, :, 2].min(1) > 20)
    cells = builtin.triangles[skin]
    closed = head_shape.lid_gap(builtin.template[cells].mean(1)) < -0.5
    rest = builtin.template
    a, b, c = (rest[cells[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    after = areas(moved(builtin, rest, resolve({unit: 1})), cells, normal)
    assert (after[closed] < 0).mean() < 0.002


def test_sides_are_those_of_the_subject(head):
    for name in ("mouthSmile_L", "eyeBlink_L", "browDown_L"):
        delta = np.linalg.norm(head.expression[name], axis=1)
        assert (delta * head.template[:, 0]).sum() > 0, name


def test_a_smile_lifts_and_widens_the_corners_of_the_mouth(head):
    rest = landmarks(head, head.template)
    smile = landmarks(head, moved(head, head.template, resolve({"AU12": 1})))
    right, left = smile[48] - rest[48], smile[54] - rest[54]
    assert right[1] > 2
    assert left[1] > 2
    assert right[0] < -2 < 2 < left[0]


def test_eyes_go_with_the_skin_around_them(builtin):
    names = measure_names()
    wide = np.zeros(len(names), np.float32)
    wide[names.index("eye-distance")] = 2
    apart = eye_centres(builtin, shaped(builtin, wide))
    assert apart[1, 0] - apart[0, 0] > 62 + 4
    assert eye_centres(builtin, builtin.template) == pytest.approx(builtin.eyes[:, :3])


def test_identity_numbers_must_be_finite_and_not_too_many(builtin):
    with pytest.raises(MienError, match="finite identity"):
        shaped(builtin, np.array([np.nan]))
    with pytest.raises(MienError, match="takes up to"):
        shaped(builtin, np.zeros(999))


def test_a_head_is_written_and_read_back(head, tmp_path):
    save_head(head, tmp_path / "h.npz")
    again = read_head(tmp_path / "h.npz")
    assert np.array_equal(again.template, head.template)
    assert np.abs(again.identity - head.identity).max() < 0.02
    assert again.licence == head.licence


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 cut", b"not a head"])
def test_a_file_that_is_no_head_is_told(tmp_path, data):
    path = tmp_path / "x.npz"
    path.write_bytes(data)
    with pytest.raises(MienError, match="cannot be read as a head"):
        open_head(str(path))


def test_unknown_heads_are_told():
    with pytest.raises(MienError, match="no head 'nobody'"):
        open_head("nobody")


def test_arrays_of_two_meshes_make_no_head():
    points, triangles = sheet(np.zeros((3, 3, 3)))
    good = HeadModel(
        "x", points.astype(np.float32), triangles, np.zeros(len(triangles), np.uint8),
        points.astype(np.float32), np.zeros((0, 9, 3), np.float32), {},
        (np.zeros((68, 3), np.int32), np.zeros((68, 3), np.float32)), np.ones((2, 4), np.float32),
    )  # fmt: skip
    with pytest.raises(MienError, match="mixes meshes"):
        dataclasses.replace(good, canonical=good.canonical[:5])
    with pytest.raises(MienError, match="corners that do not exist"):
        dataclasses.replace(good, triangles=triangles + 5)
