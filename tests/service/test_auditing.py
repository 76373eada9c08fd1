import numpy as np
import pytest

from mien.errors import MienError
from mien.media import write_image
from mien.service.auditing import read_samples


@pytest.fixture
def faces(tmp_path):
    """FER2013 as folders: two splits, two labels, two images each."""
    for split in ("train", "validation"):
        for label in ("happy", "sad"):
            for k in range(2):
                path = tmp_path / "fer" / split / label / f"{split}-{label}-{k}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_image(path, np.full((48, 48, 3), 40 * k, np.uint8))
    return tmp_path / "fer"


def test_a_split_and_a_list_of_names_choose_images(faces, tmp_path):
    assert len(read_samples(faces, "fer2013").pictures) == 8
    half = read_samples(faces, "fer2013", split="validation")
    assert sorted(set(half.labels["expression"])) == ["happiness", "sadness"]
    assert len(half.pictures) == 4
    names = tmp_path / "test.txt"
    names.write_text("train-sad-0.png\nnone.png\n")
    assert [p.name for p in read_samples(faces, "fer2013", names=names).pictures] == [
        "train-sad-0.png"
    ]
    [one] = read_samples(faces, names=names).pictures  # folders as classes
    assert one.name == "train-sad-0.png"


def test_no_image_left_is_an_error_that_names_the_splits(faces, tmp_path):
    with pytest.raises(MienError, match="has the splits train, validation"):
        read_samples(faces, "fer2013", split="test")
    names = tmp_path / "test.txt"
    names.write_text("other.png\n")
    with pytest.raises(MienError, match=r"test\.txt lists other images"):
        read_samples(faces, "fer2013", names=names)
