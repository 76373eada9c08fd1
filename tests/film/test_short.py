import cv2
import numpy as np
import pytest

from mien.errors import FilmError, ImageError, NoFaceError
from mien.film.short import read_short
from mien.media import write_image
from mien.types import Crop, Face

POINTS = np.array([[20, 20], [44, 20], [32, 32], [24, 46], [40, 46]], np.float32)


class Finder:
    """Stands in for the pipeline: one face at a fixed place, counted."""

    calls = 0

    def only_face(self, image, where):
        self.calls += 1
        if not image.any():
            raise NoFaceError(f"{where}: no face")
        return Face(np.array([10, 10, 54, 54], np.float32), 1.0, POINTS)


@pytest.fixture
def frames(tmp_path):
    for k in range(11):
        write_image(tmp_path / f"img{k}.png", np.full((64, 64, 3), 20 + 10 * k, np.uint8))
    return tmp_path


def test_frames_are_sorted_by_number_and_the_face_is_found_once(frames):
    finder = Finder()
    clip = read_short(frames, Crop(size=32), finder, 100.0)
    assert clip.chips.shape == (11, 32, 32, 3)
    assert clip.chips[:, 16, 16, 0].tolist() == [20 + 10 * k for k in range(11)]
    assert clip.times == pytest.approx(np.arange(11) / 100)
    assert finder.calls == 1


@pytest.mark.parametrize(
    ("rate", "word"),
    [(None, "--rate"), *((rate, "above 0") for rate in (0.0, -5.0, float("nan"), float("inf")))],
)
def test_a_folder_needs_a_rate(frames, rate, word):
    with pytest.raises(FilmError, match=word):
        read_short(frames, Crop(size=32), Finder(), rate)


def test_no_frame_no_face_and_other_sizes_are_refused(tmp_path, frames):
    (tmp_path / "empty").mkdir()
    with pytest.raises((FilmError, ImageError)):
        read_short(tmp_path / "empty", Crop(size=32), Finder(), 30.0)
    write_image(frames / "img11.png", np.zeros((60, 64, 3), np.uint8))
    with pytest.raises(FilmError, match="sizes"):
        read_short(frames, Crop(size=32), Finder(), 30.0)
    (frames / "img0.png").unlink()
    write_image(frames / "img0.png", np.zeros((64, 64, 3), np.uint8))
    with pytest.raises(NoFaceError, match="first frame"):
        read_short(frames, Crop(size=32), Finder(), 30.0)


def test_a_long_film_and_a_broken_frame_are_refused(frames, monkeypatch):
    monkeypatch.setattr("mien.film.short.MOST", 5)
    with pytest.raises(FilmError, match="more than 5 frames"):
        read_short(frames, Crop(size=32), Finder(), 30.0)
    (frames / "img1.png").write_bytes(b"not a picture")
    with pytest.raises(ImageError):
        read_short(frames, Crop(size=32), Finder(), 30.0)


@pytest.mark.weights
def test_regions_of_a_portrait_whose_mouth_corner_rises(astronaut, mtcnn):
    from mien.align import align, matrix
    from mien.film.short import ROOMY, moved_regions
    from mien.types import Clip
    from mien.zoo import load

    face = mtcnn(astronaut)[0]
    chip = align(astronaut, [face], ROOMY)[0]
    corner = matrix(face, ROOMY) @ [*face.points[4], 1]
    y, x = np.mgrid[:192, :192].astype(np.float32)
    bump = np.exp(-((x - corner[0]) ** 2 + (y - corner[1]) ** 2) / (2 * 12**2))
    chips = [cv2.remap(chip, x, np.float32(y + size * bump), cv2.INTER_LINEAR)
             for size in (0, 1.0, 2.5, 1.0)]  # fmt: skip
    clip = Clip(np.arange(4) / 100, np.stack(chips))
    rows, apex = moved_regions(clip, load("attention-mesh"))
    assert apex == 0.02
    assert (rows[0].region, rows[0].direction) == ("right mouth corner", "up")
    assert 1.2 < rows[0].mean < 2.6
    still, _ = moved_regions(Clip(clip.times, np.stack([chip] * 4)), load("attention-mesh"))
    assert max(row.largest for row in still) < 0.1
    with pytest.raises(FilmError, match="two frames or more"):
        moved_regions(Clip(clip.times[:1], clip.chips[:1]), load("attention-mesh"))
    nobody = np.full((4, 192, 192, 3), 120, np.uint8)
    with pytest.raises(NoFaceError, match="cannot be found"):
        moved_regions(Clip(clip.times, nobody), load("attention-mesh"))
