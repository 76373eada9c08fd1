import pickle

import numpy as np
import pytest

from mien.errors import MienError
from mien.evaluate.verification.trial_sources import (
    Source,
    compared_of,
    folds_of,
    pairs_in,
    people_of,
    scores_of,
)
from mien.media import write_image


@pytest.fixture
def lfw(tmp_path):
    """Six people with two pictures each, in the layout of LFW, two folds."""
    random = np.random.default_rng(0)
    for k in range(6):
        colour = random.integers(20, 236, 3)
        for n in (1, 2):
            path = tmp_path / "lfw" / f"P_{k}" / f"P_{k}_{n:04d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            shade = np.clip(colour + random.integers(-9, 10, 3), 1, 255).astype(np.uint8)
            write_image(path, np.full((32, 32, 3), shade, np.uint8))
    rows = ["2\t2", "P_0\t1\t2", "P_1\t1\t2", "P_0\t1\tP_1\t1", "P_1\t2\tP_2\t1"]
    rows += ["P_3\t1\t2", "P_4\t1\t2", "P_3\t1\tP_4\t1", "P_4\t2\tP_5\t1"]
    (tmp_path / "lfw" / "pairs.txt").write_text("\n".join(rows) + "\n")
    return tmp_path / "lfw"


def test_a_data_set_in_its_own_layout(lfw, toy_pipeline, tmp_path):
    compared, failures = compared_of(Source(lfw, layout="lfw"), toy_pipeline, tmp_path)
    assert failures == []
    assert compared.folds == (0, 0, 0, 0, 1, 1, 1, 1)
    assert compared.trials.same.sum() == 4
    one, _ = compared_of(Source(lfw, layout="lfw", folds="1"), toy_pipeline, tmp_path)
    assert one.folds == (1, 1, 1, 1)


def test_its_pictures_everybody_against_everybody(lfw, toy_pipeline, tmp_path):
    source = Source(lfw, layout="lfw", everybody=True)
    compared, _ = compared_of(source, toy_pipeline, tmp_path)
    pictures = people_of(source, tmp_path)
    assert len(pictures) == 10  # those that the list names
    assert compared.trials.same.size == 10 * 9 // 2


def test_the_list_of_lfw_with_a_folder_of_files(lfw, tmp_path):
    assert len(pairs_in(Source(lfw, pairs=lfw / "pairs.txt"), tmp_path)) == 8


def test_a_bin_file_has_people_of_its_own_for_each_pair(lfw, toy_pipeline, tmp_path):
    pictures = [path.read_bytes() for path in sorted(lfw.glob("P_*/*.jpg"))]
    path, work = tmp_path / "x.bin", tmp_path / "work"
    work.mkdir()
    path.write_bytes(pickle.dumps((pictures, [True] * 6)))
    compared, _ = compared_of(Source(path, layout="bin"), toy_pipeline, work)
    assert not compared.known
    assert len(compared.names) == 6


def test_a_table_of_similarities_needs_no_models(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text("similarity,same,person_a,person_b\n0.9,1,A,A\n")
    source = Source(path)
    assert source.scored
    assert scores_of(source).names == ("A",)


def test_pictures_that_all_show_nothing_are_told(toy_pipeline, tmp_path, put):
    for name in ("A/1.png", "A/2.png", "B/1.png"):
        put(tmp_path / "dark" / name, (0, 0, 0))
    with pytest.raises(MienError, match="None of 3 images shows a face"):
        compared_of(Source(tmp_path / "dark"), toy_pipeline, tmp_path)


def test_folds_and_layouts_that_are_not_there_are_told(lfw, tmp_path):
    assert folds_of("0-2,4", {0, 1, 2, 3, 4}) == {0, 1, 2, 4}
    for text, says in (("5", "do not all exist"), ("x", "names no folds")):
        with pytest.raises(MienError, match=says):
            folds_of(text, {0, 1})
    with pytest.raises(MienError, match=r"no layout 'x'; there are lfw, cfp-fp"):
        pairs_in(Source(lfw, layout="x"), tmp_path)
    with pytest.raises(MienError, match="Name a list of pairs"):
        pairs_in(Source(lfw), tmp_path)
