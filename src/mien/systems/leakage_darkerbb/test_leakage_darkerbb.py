"""The ascent on known hills, exact counts, and what an audit of a toy matcher finds."""

import numpy as np
import pytest

from mien.contracts import Samples, Scope, Subject
from mien.errors import MienError, ScopeError, TooFewTrialsError
from mien.metrics.findings import plain
from mien.service import audit
from mien.systems.leakage_darkerbb.ascent import (
    SIGMA,
    Basis,
    climb,
    eigenfaces,
    pixel_basis,
    random_basis,
)
from mien.systems.leakage_darkerbb.faces import FRAME, SIDE, chips_for, pixels
from mien.testing import ToyEmbedder, made_up_samples, noise
from mien.types import Crop


def test_it_climbs_a_hill_and_counts_each_query():
    rng = np.random.default_rng(0)
    top = rng.normal(size=(3, 8))
    asked = []

    def score(c):
        asked.append(len(c))
        return -0.002 * ((c - top) ** 2).sum(1)

    kept = climb(score, 3, 8, 201, (20, 100), seed=0)
    assert sum(asked) == 3 * 200  # two per step; the odd one is not used
    assert sorted(kept) == [0, 20, 100, 200]
    away = [np.linalg.norm(kept[k] - top) for k in sorted(kept)]
    assert away[0] > away[1] > away[2] > away[3]
    assert away[3] < 0.3 * away[0]


def test_the_mean_step_follows_the_gradient():
    rng = np.random.default_rng(1)
    top, at = rng.normal(size=16), np.zeros(16)
    probes = rng.normal(0, SIGMA, (2000, 16))
    change = [-np.sum((at + n - top) ** 2) + np.sum((at - n - top) ** 2) for n in probes]
    mean = (np.array(change)[:, None] / (2 * SIGMA) * probes).mean(0)
    gradient = 2 * (top - at)
    assert mean @ gradient / np.linalg.norm(mean) / np.linalg.norm(gradient) > 0.95


def test_a_score_that_says_nothing_moves_nothing():
    kept = climb(lambda c: np.zeros(len(c)), 2, 4, 50, (), seed=0)
    assert np.array_equal(kept[50], kept[0])


def test_bases_by_hand():
    faces = np.array([[0.0, 0], [2, 0], [0, 0], [2, 0]])
    basis = eigenfaces(faces, 5)
    assert basis.count == 2  # at most half as many as faces
    assert basis.mean.tolist() == [1, 0]
    assert np.abs(basis.components[0]) == pytest.approx([np.sqrt(4 / 3), 0])  # standard deviation
    assert basis.faces(np.zeros((1, 2))).tolist() == [[1, 0]]
    wide = Basis(np.zeros(6), np.eye(6)[:2] * [[3.0], [1.0]])
    assert np.sum(random_basis(wide, 0).components ** 2) == pytest.approx(10)
    pixel = pixel_basis(wide)
    assert pixel.count == 6
    assert pixel.faces(np.ones((1, 6))) == pytest.approx(np.sqrt(10 / 6))


def test_frames_become_chips_with_the_points_at_the_places_of_the_matcher():
    frames = noise(2, SIDE)
    same = chips_for(FRAME, frames)
    assert np.array_equal(same, frames)
    assert chips_for(Crop(size=112), frames).shape == (2, 112, 112, 3)
    assert pixels(np.array([[300.0] * SIDE * SIDE * 3])).max() == 255


class Colours:
    """Stands for a rendered person: two pictures of one colour."""

    def __init__(self, number):
        rng = np.random.default_rng(number)
        image = np.full((64, 64, 3), rng.integers(0, 256, 3), np.uint8)
        points = np.array([[24, 28], [40, 28], [32, 36], [26, 44], [38, 44]], np.float32)
        self.enrolled = self.other = (image, points)


@pytest.fixture
def quick(monkeypatch):
    """References are colours; nobody is rendered."""
    from mien.systems.leakage_darkerbb import audit as module

    monkeypatch.setattr(module, "reference", Colours)


def run(quick, **settings):
    words = [f"{key}={value}" for key, value in settings.items()]
    subject = Subject("embedder", ToyEmbedder())
    return plain(audit("leakage-darkerbb", subject, made_up_samples(64), settings=words))


def test_a_matcher_of_colours_gives_colours_away_and_decisions_do_not(quick):
    found = run(quick, queries=200, targets=4)
    assert found["headline"]["queries per person"]["value"] == 200
    curve, baselines, mitigations = found["tables"]
    assert [row["Queries"] for row in curve["rows"]] == [0, 20, 50, 100, 200]
    assert curve["rows"][-1]["Cosine"]["value"] > curve["rows"][0]["Cosine"]["value"]
    assert baselines["rows"][0]["Attack"] == "scores as they are"
    names = [row["Mitigation"] for row in mitigations["rows"]]
    assert names[0] == "scores as they are"
    assert {"decision only", "at most 20 scores per reference"} <= set(names)
    assert "no critic" in found["warnings"][1]
    assert found["basis"]["Critic"] == "none"
    assert found["risk"]["level"] in ("none found", "low", "medium", "high")


def test_the_same_seed_gives_the_same_findings(quick):
    assert run(quick, queries=40, targets=2) == run(quick, queries=40, targets=2)


@pytest.mark.usefixtures("quick")
def test_what_cannot_be_audited_is_refused(monkeypatch, tmp_path):
    subject = Subject("embedder", ToyEmbedder())
    with pytest.raises(TooFewTrialsError, match="5 faces are too few for a basis"):
        audit("leakage-darkerbb", subject, made_up_samples(5))
    alone = Samples("one", tuple(noise(30, 32)), {}, ("Ada",) * 30)
    with pytest.raises(TooFewTrialsError, match="0 pairs of strangers"):
        audit("leakage-darkerbb", subject, alone)
    with pytest.raises(ScopeError, match="agreed limit is 100"):
        audit("leakage-darkerbb", subject, made_up_samples(64), scope=Scope(queries=100))
    with pytest.raises(MienError, match="cannot judge"):
        audit("leakage-darkerbb", subject, made_up_samples(64), settings=["critic=mtcnn"])
    monkeypatch.setenv("MIEN_HOME", str(tmp_path))
    with pytest.raises(MienError, match="mien models pull sface"):
        audit("leakage-darkerbb", subject, made_up_samples(64), settings=["critic=sface"])


def test_no_file_is_written(quick, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run(quick, queries=20, targets=2)
    assert list(tmp_path.iterdir()) == []
