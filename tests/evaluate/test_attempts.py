from dataclasses import replace

import numpy as np
import pytest
from tests.liveness.test_companions import Relief
from tests.toys import TOY, Colours, Reds, Squares

from mien.datasets import BONA_FIDE, Attempt
from mien.errors import LivenessError, MienError, TooFewTrialsError
from mien.evaluate.attempts import score_attempts
from mien.evaluate.liveness import liveness
from mien.liveness import LivenessCheck
from mien.media import write_image
from mien.metrics.findings import plain
from mien.photo import Pipeline
from mien.types import Reading


@pytest.fixture
def pipeline():
    return Pipeline(
        detector=Squares(), embedder=Colours(), calibration=TOY, liveness=LivenessCheck(Reds())
    )


@pytest.fixture
def attempts(tmp_path, portrait):
    """Ada live three times and as a print of Bob's colour; a black picture and a broken file."""

    def write(name, image):
        write_image(tmp_path / name, image)
        return tmp_path / name

    live = [
        Attempt(write(f"{k}.png", portrait("Ada", side=50 + k)), BONA_FIDE, "Ada", "Ada")
        for k in range(3)
    ]
    prints = [Attempt(write("p.png", portrait("Bob")), "print", "print of Ada", "Ada")]
    mute = Attempt(write("m.png", portrait("Cyd")), "screen", "screen 1", "Ada")
    black = Attempt(write("b.png", np.zeros((50, 50, 3), np.uint8)), BONA_FIDE, "Ben", "Ben")
    (tmp_path / "x.png").write_bytes(b"none")
    broken = Attempt(tmp_path / "x.png", "print", "print of Ada")
    return [*live, *prints, mute, black, broken]


def test_scores_and_reasons_of_those_without_one(pipeline, attempts):
    found = score_attempts(attempts, pipeline)
    scores = [one.score for one in found.presentations]
    assert scores[:4] == [0.9, 0.9, 0.9, 0.1]
    assert np.isnan(scores[4:]).all()
    assert found.silent == {"no-answer": 1, "no-face-none": 1, "unreadable": 1}
    assert all(one.accepted is None for one in found.presentations)


def test_with_a_matcher_the_whole_system_is_known(pipeline, attempts):
    found = score_attempts(attempts, pipeline, matcher=True)
    assert found.references == 1
    rows = [(one.species, one.accepted) for one in found.presentations]
    # The first live picture is the reference; the print is no match and no live face.
    assert rows[:3] == [(BONA_FIDE, True), (BONA_FIDE, True), ("print", False)]
    system = [one for one in found.presentations if one.accepted is not None]
    told = plain(liveness(system, threshold=0.5, data="toys"))
    table = next(t for t in told["tables"] if t["title"].startswith("The whole system"))
    assert [(row["Species"], row["RIAPAR"]) for row in table["rows"]] == [
        ("print", 0),
        ("screen", 0),
    ]


def test_an_attack_that_matches_and_passes_is_counted(pipeline, attempts, portrait, tmp_path):
    write_image(tmp_path / "mask.png", portrait("Ada"))
    mask = Attempt(tmp_path / "mask.png", "mask", "mask 1", "Ada")
    found = score_attempts([*attempts[:3], mask], pipeline, matcher=True)
    assert found.presentations[-1].accepted is True
    told = plain(liveness(found.presentations, threshold=0.5, data="toys"))
    [row] = next(t for t in told["tables"] if t["title"].startswith("The whole system"))["rows"]
    assert row["IAPAR"]["value"] == row["RIAPAR"] == 1


class Nan(Colours):
    def __call__(self, chips):
        return np.full((len(chips), 3), np.nan, np.float32)


def test_no_check_no_reference_and_a_matcher_without_numbers_are_refused(pipeline, attempts):
    with pytest.raises(LivenessError, match="checks no liveness"):
        score_attempts(attempts, replace(pipeline, liveness=None))
    with pytest.raises(TooFewTrialsError, match="No person has"):
        score_attempts(attempts[3:4], pipeline, matcher=True)
    with pytest.raises(MienError, match="instead of finite numbers"):
        score_attempts(attempts, replace(pipeline, embedder=Nan()), matcher=True)


def test_a_film_is_one_presentation(pipeline, film, scene):
    path = film([scene({"Bob": (40 + k, 50)}) for k in range(30)])
    found = score_attempts([Attempt(path, "print", "p")], pipeline)
    assert found.presentations[0].score == pytest.approx(0.1)


def test_groups_are_listed_with_the_worst_first(pipeline, attempts):
    found = score_attempts(attempts, pipeline).presentations
    dark = [replace(one, group="dark", score=0.2, subject=f"d{k}")
            for k, one in enumerate(found[:3])]  # fmt: skip
    light = [replace(one, group="light", subject=f"l{k}") for k, one in enumerate(found[:3])]
    told = plain(liveness([*dark, *light, found[3]], threshold=0.5, data="toys"))
    table = next(t for t in told["tables"] if t["title"] == "Real people rejected, by group")
    assert [(row["Group"], row["BPCER"]["value"]) for row in table["rows"]] == [
        ("dark", 1),
        ("light", 0),
    ]


@pytest.fixture
def with_depth(tmp_path, portrait, pipeline):
    """A live face and a print with depth; the depth of a second print is empty."""
    pipeline = replace(pipeline, liveness=LivenessCheck(Relief200()))
    found = []
    for name, species, metres in (("a", BONA_FIDE, 0.5), ("b", "print", 0.5), ("c", "print", 0)):
        image = portrait("Ada")
        write_image(tmp_path / f"{name}.png", image)
        np.save(tmp_path / f"{name}.npy", np.full(image.shape[:2], metres * 1000))
        found.append(
            Attempt(tmp_path / f"{name}.png", species, name, "Ada", depth=tmp_path / f"{name}.npy")
        )
    return pipeline, found


class Relief200(Relief):
    """Scores 0.8 with depth (more than 0.6 is live), and 0.5 without (more than 0.3)."""

    def __call__(self, clip):
        score = 0.5 + 0.3 * (clip.depth is not None)
        return [Reading("liveness", {"live": score}, "probability", self.name)]


def test_depth_is_scored_at_its_own_threshold(with_depth):
    pipeline, attempts = with_depth
    found = score_attempts(attempts, pipeline)
    # The one without a value counts as colour alone: 0.5 is 0.2 above 0.3, so it counts as 0.8.
    assert [one.score for one in found.presentations] == pytest.approx([0.8, 0.8, 0.8])
    assert (found.threshold, found.modalities) == (0.6, {"rgb+depth": 2, "rgb": 1})
    assert score_attempts(attempts, pipeline, matcher=True).presentations[0].accepted is True


def test_depth_of_some_presentations_only_is_refused(with_depth, pipeline):
    able, attempts = with_depth
    with pytest.raises(LivenessError, match="Only some presentations"):
        score_attempts([*attempts, replace(attempts[0], depth=None)], able)
    with pytest.raises(LivenessError, match="does not use depth"):
        score_attempts(attempts, pipeline)
    attempts[0].depth.write_bytes(b"none")
    assert score_attempts(attempts, able).silent == {"unreadable": 1}
