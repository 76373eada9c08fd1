import numpy as np
import pytest

from mien.datasets import Boxed
from mien.errors import MienError
from mien.evaluate.detection import detect_boxes, detect_single
from mien.metrics.findings import plain
from mien.types import Face


class Fixed:
    """Gives the same two boxes for every picture that is not black."""

    name = "fixed"

    def __call__(self, image):
        if not image.any():
            return []
        boxes = np.array([[4, 4, 24, 24], [0, 0, 6, 6]], np.float32)
        return [Face(box, score) for box, score in zip(boxes, (0.9, 0.4), strict=True)]


def test_boxes_by_hand(tmp_path, put):
    truth = np.array([[4.0, 4, 24, 24], [20, 20, 30, 30]])
    pictures = [
        Boxed(put(tmp_path / "a.png"), truth, np.zeros(2, bool)),
        Boxed(put(tmp_path / "b.png"), truth[:1], np.zeros(1, bool)),
        Boxed(put(tmp_path / "black.png", (0, 0, 0)), truth[:1], np.zeros(1, bool)),
    ]
    (tmp_path / "broken.png").write_bytes(b"no picture")
    pictures.append(Boxed(tmp_path / "broken.png", truth[:1], np.zeros(1, bool)))
    told = plain(detect_boxes(pictures, Fixed(), data="toys"))
    assert told["headline"]["faces missed"]["value"] == pytest.approx(3 / 5)
    assert told["headline"]["wrong boxes a picture"]["value"] == pytest.approx(2 / 4)
    assert told["headline"]["precision"]["value"] == pytest.approx(1 / 2)
    assert told["headline"]["average precision"]["value"] == pytest.approx(2 / 5)
    assert "1 images cannot be read" in told["warnings"][0]
    heights = {row["Height"]: row["Faces"] for row in told["tables"][0]["rows"]}
    assert heights == {"0 to 15 px": 1, "16 to 31 px": 4}


def test_portraits_without_boxes(tmp_path, put):
    paths = [put(tmp_path / f"{k}.png", (0, 0, 0) if k == 0 else (200, 9, 9)) for k in range(4)]
    (tmp_path / "x.png").write_bytes(b"no picture")
    told = plain(detect_single([*paths, tmp_path / "x.png"], Fixed(), data="toys", turns="never"))
    assert told["headline"]["no face found"]["value"] == pytest.approx(2 / 5)
    assert told["headline"]["more than one found"]["value"] == pytest.approx(3 / 5)
    reasons = {row["Reason"]: row["Pictures"] for row in told["tables"][0]["rows"]}
    assert reasons["unreadable"] == 1
    with pytest.raises(MienError, match="no images"):
        detect_single([], Fixed(), data="none")
