import json

import numpy as np
import pytest

from mien.media import write_image

VOTES = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")


@pytest.fixture
def clips(tmp_path):
    """Twelve clips of noise with votes, as our own layout has them."""
    random, root = np.random.default_rng(0), tmp_path / "clips"
    rows = ["clip,frames_dir,split,person," + ",".join(f"v_{word}" for word in VOTES)]
    for number in range(12):
        for frame in range(8):
            picture = random.integers(0, 255, (48, 48, 3), np.uint8)
            path = root / f"c{number}" / f"{frame:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_image(path, picture)
        votes = [0] * 7
        votes[number % 7], votes[(number + 1) % 7] = 7, 3
        rows.append(f"c{number},c{number},test,p{number % 4}," + ",".join(map(str, votes)))
    (root / "clips.csv").write_text("\n".join(rows) + "\n")
    return root


def test_a_clip_head_is_scored_against_labels_and_vote_shares(mien, clips):
    code, out, err = mien("eval", "clips", clips, "--model", "expression-midas")
    assert code == 0, err
    found = json.loads(out)["headline"]
    assert {"accuracy", "balanced accuracy", "macro F1", "KL from vote shares"} <= set(found)
    assert found["accuracy"]["trials"] == 12
    kl = found["KL from vote shares"]
    assert kl["low"] < kl["value"] < kl["high"]
    assert kl["value"] > 0.5  # noise says nothing about the votes
    assert 0 <= found["entropy error"]["value"] <= 1


def test_a_clip_that_cannot_be_read_counts_as_wrong(mien, clips):
    for path in (clips / "c0").iterdir():
        path.unlink()
    code, out, err = mien("eval", "clips", clips, "--model", "expression-midas")
    assert code == 0, err
    told = json.loads(out)
    assert told["headline"]["accuracy"]["trials"] == 12
    assert any("1 of 12" in one for one in told["warnings"])


def test_a_head_of_single_faces_is_refused(mien, clips):
    code, _, err = mien("eval", "clips", clips, "--model", "expression")
    assert code == 1
    assert "is a chip-head" in err
