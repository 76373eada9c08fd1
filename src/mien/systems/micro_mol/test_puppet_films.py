"""Films of photographs that move: missing sets, blinks that make up a movement, one short run."""

import numpy as np
import pytest

from mien.errors import TrainingError
from mien.media import write_image
from mien.systems.micro_mol import puppet_films, turning_heads


def test_a_missing_set_and_photographs_without_a_face_are_named(tmp_path):
    with pytest.raises(TrainingError, match="needs photographs in utkface and taiwan"):
        puppet_films.photographs(tmp_path)
    for name in puppet_films.SETS:
        (tmp_path / name).mkdir()
        write_image(tmp_path / name / "1.png", np.full((64, 64, 3), 90, np.uint8))
    found = puppet_films.photographs(tmp_path)
    assert [len(one) for one in found] == [1, 1]
    with pytest.raises(TrainingError, match="photographs of taiwan can be moved"):
        puppet_films.puppet_of(found, 1)


def test_a_movement_between_two_blinks_one_second_apart_is_left_out_if_asked():
    score = 0.01 * np.abs(np.random.default_rng(0).normal(size=300))
    score[156:163] += np.hanning(9)[1:-1]
    rule, blinks = (turning_heads.FLOOR, turning_heads.STANDS), [(4.64, 4.92), (5.69, 5.96)]
    assert len(turning_heads.decoded(score, rule, blinks)) == 1
    assert turning_heads.decoded(score, rule, blinks, between=True) == []


@pytest.mark.slow
@pytest.mark.realdata
def test_one_photograph_of_two_seconds_runs(torch, tmp_path, data, monkeypatch):
    import zipfile

    from mien.systems.micro_mol import turning_proof

    with zipfile.ZipFile(data / "taiwan_expressions.zip") as packed:
        names = [name for name in packed.namelist() if name.endswith(".jpg")][:3]
        packed.extractall(tmp_path, names)
    (tmp_path / "utkface").symlink_to(tmp_path / "taiwan")
    monkeypatch.setattr(turning_heads, "SECONDS", 2.0)
    every = turning_proof.moved_photographs(tmp_path, tmp_path, None)
    found = {arm: turning_proof.moved(arm, 1, every) for arm in turning_proof.MOVED_ARMS}
    assert every.of(1)["scores"].shape == (1, 3, len(turning_heads.ARMS), 60)
    assert all(set(one) == {"F1", "false", "clear", "still", "alone"} for one in found.values())
