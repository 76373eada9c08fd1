import numpy as np
import pytest

from mien.datasets import CLIPS, LABELS
from mien.errors import TrainingError
from mien.media import write_image
from mien.train import read_clips, read_pictures


def colour(path, value, side=12):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, np.full((side, side + 4, 3), value, np.uint8))


def test_pictures_that_cannot_be_read_are_counted_and_named(tmp_path):
    for number in range(4):
        colour(tmp_path / "train" / "anger" / f"{number}.png", 50 * number)
    (tmp_path / "train" / "anger" / "2.png").write_bytes(b"\x89PNG cut off")
    steps = []
    read = read_pictures(LABELS["folders"](tmp_path), 6, on_step=lambda *a: steps.append(a))
    assert read.images.shape == (3, 6, 6, 3)
    assert read.images[:, 0, 0, 0].tolist() == [0, 50, 150]  # rows still fit their records
    assert [r.path.name for r in read.records] == ["0.png", "1.png", "3.png"]
    assert read.failures_text() == "1 of 4 images cannot be read and are left out: 2.png"
    assert steps[-1] == ("pictures", 4, 4)


def test_a_cut_that_finds_no_face_is_a_loss_with_its_reason(tmp_path):
    colour(tmp_path / "anger" / "a.png", 0)
    colour(tmp_path / "anger" / "b.png", 200)
    records = LABELS["folders"](tmp_path)
    read = read_pictures(records, 4, cut=lambda x: x[:4, :4] if x.any() else None)
    assert [(path.name, why) for path, why in read.failures] == [("a.png", "no face found")]
    with pytest.raises(TrainingError, match=r"No image can be read.*no face found"):
        read_pictures(records, 4, cut=lambda x: None)


def test_clips_have_as_many_frames_as_asked_and_short_ones_are_left_out(tmp_path):
    for name, frames in (("a", 20), ("b", 5), ("c", 3)):
        for k in range(frames):
            colour(tmp_path / name / f"{k + 1}.png", 10 * k)
    words = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
    rows = "".join(f"{n},{n},train,{',1' * 7}\n".replace(",,", ",") for n in "abc")
    head = "clip,frames_dir,split," + ",".join(f"v_{w}" for w in words) + "\n"
    (tmp_path / "clips.csv").write_text(head + rows)
    read = read_clips(CLIPS["clips"](tmp_path), 6, 10)
    assert read.images.shape == (2, 10, 6, 6, 3)
    assert (read.images[0, :, 0, 0, 0] // 10).tolist() == [1, 3, 5, 7, 9, 11, 13, 15, 17, 19]
    assert (read.images[1, :, 0, 0, 0] // 10).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert "has 3 frames" in read.failures[0][1]
