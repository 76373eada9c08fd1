"""Photographs for puppets: faces are found and cut; others are left out and counted."""

import numpy as np
import pytest

from mien.datasets import Labelled
from mien.errors import MienError, NoFaceError
from mien.evaluate.demo import portraits
from mien.media import encode_image, read_image, write_image
from mien.service.puppets import Casting, portrait_of
from mien.synth.data.declare import NOTE
from mien.zoo import load

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def mesh():
    return load("attention-mesh")


@pytest.fixture
def photos(tmp_path):
    """Two photographs, a grey image, a damaged file and an image that declares itself as made."""
    folder = tmp_path / "photos"
    folder.mkdir()
    images = {name: read_image(path) for name, path in portraits().items()}
    for name, image in images.items():
        write_image(folder / f"{name}.png", image)
    write_image(folder / "wall.png", np.full((64, 64, 3), 90, np.uint8))
    (folder / "torn.jpg").write_bytes(b"no picture")
    made = encode_image(next(iter(images.values())), "png", note=NOTE)
    (folder / "made.png").write_bytes(made)
    return folder


def test_a_portrait_is_square_and_holds_the_face(mtcnn, mesh):
    path = portraits()["Eileen Collins"]
    one = portrait_of(Labelled(path, person="eileen"), 96, mtcnn, mesh)
    assert one.image.shape == (96, 96, 3)
    assert one.points.min() > 0
    assert one.points.max() < 96
    assert one.points[36, 0] < one.points[45, 0]  # her right eye is on the left of the image
    assert (one.person, one.name) == ("eileen", path.name)


def test_photographs_without_faces_damaged_and_made_ones_are_counted(photos, mtcnn, mesh):
    casting = Casting(photos, mtcnn, mesh, size=96)
    assert {one.name for one in casting(2)} == {f"{name}.png" for name in portraits()}
    with pytest.raises(MienError, match=r"has 2 photographs.* and 3 are needed \(left out"):
        casting(3)
    assert casting.failures["unreadable"] >= 1
    assert casting.failures["without a face"] >= 1
    assert casting.failures["declared as made, or not fitted by the head"] >= 1


def test_what_is_no_photograph_is_refused(photos, mtcnn, mesh):
    with pytest.raises(NoFaceError, match="No face in"):
        portrait_of(Labelled(photos / "wall.png"), 96, mtcnn, mesh)
    with pytest.raises(MienError, match="declared as synthetic"):
        portrait_of(Labelled(photos / "made.png"), 96, mtcnn, mesh)
    with pytest.raises(MienError, match="Layout 'cats' is unknown"):
        Casting(photos, mtcnn, mesh, layout="cats")


def test_the_digest_follows_the_photographs(photos, mtcnn, mesh):
    before = Casting(photos, mtcnn, mesh).digest()
    (photos / "wall.png").unlink()
    assert Casting(photos, mtcnn, mesh).digest() != before
