"""Planted effects by hand; edits; a scripted language model; pairs that differ in one cue."""

import json
from dataclasses import replace

import numpy as np
import pytest

from mien.audit import head_of, vlm_of
from mien.contracts import Samples, Scope
from mien.errors import MienError, ScopeError, TooFewTrialsError
from mien.metrics.findings import plain
from mien.service import audit
from mien.systems.affect_cues.audit import Changes, permuted, shortcut_index
from mien.systems.affect_cues.cues import CUES, LOOKS, TEETH, Pair, pairs
from mien.systems.affect_cues.edits import CONTROL, REGIONS, cheek, edited, region
from mien.testing import noise
from mien.types import Crop

CROP = Crop(size=48)


def light(chips):
    """Happiness is brightness."""
    p = chips.reshape(len(chips), -1).mean(1) / 255
    return [{"happiness": float(v), "neutral": float(1 - v)} for v in p]


def flat(cue, person, before, after):
    chips = [np.full((48, 48, 3), level, np.uint8) for level in (before, after)]
    return Pair(cue, person, person % 2 == 0, *chips)


def test_effects_and_the_shortcut_index_by_hand():
    made = [flat("smile", k, 0, 102) for k in range(8)]  # 0.4 more happiness
    made += [flat(TEETH, k, 51, 51 + 51 * (k % 2)) for k in range(8)]  # 0.2 in every second person
    changes = Changes(head_of(light, task="expression", size=48).model, made)
    smile, people, dark = changes.of("smile")
    assert smile[:, 0] == pytest.approx(0.4)
    assert people.tolist() == list(range(8))
    assert dark.tolist() == [True, False] * 4
    index = shortcut_index(changes, 500, 0)
    assert index.value == pytest.approx(0.25)  # 0.1 of 0.4
    assert 0 <= index.low < 0.25 < index.high <= 0.5


def test_identical_pairs_have_no_effect_and_a_smile_without_effect_has_no_index():
    made = [flat(cue, k, 90, 90) for k in range(8) for cue in (TEETH, "smile")]
    changes = Changes(head_of(light, task="expression", size=48).model, made)
    assert (changes.of(TEETH)[0] == 0).all()
    assert np.isnan(shortcut_index(changes, 100, 0).value)
    numbers = head_of(lambda c: [{"age": 30.0}] * len(c), task="age", unit="year", size=48)
    assert shortcut_index(Changes(numbers.model, made), 100, 0) is None


def test_groups_that_differ_are_told_from_groups_that_do_not():
    rng = np.random.default_rng(0)
    assert permuted(rng.normal(0, 1, 20), rng.normal(3, 1, 20), 0) == 1 / 1000
    assert permuted(np.zeros(5), np.zeros(5), 0) == 1
    quiet = [permuted(rng.normal(size=8), rng.normal(size=8), k) < 0.05 for k in range(100)]
    assert np.mean(quiet) <= 0.1


def test_missing_answers_are_left_out_and_counted():
    def some(chips):
        return [{} if chip.mean() > 150 else one for chip, one in zip(chips, light(chips),
                                                                      strict=True)]  # fmt: skip

    made = [flat("smile", k, 0, 200 if k == 0 else 100) for k in range(4)]
    changes = Changes(head_of(some, task="expression", size=48).model, made)
    assert len(changes.of("smile")[0]) == 3
    assert changes.missing == 1 / 8
    with pytest.raises(MienError, match="gave no answer for any"):
        Changes(head_of(lambda c: [{}] * len(c), task="x", size=48).model, made)


def test_regions_lie_on_the_face_and_the_control_has_their_size():
    masks = [region(name, CROP) for name in REGIONS]
    assert all(mask.any() for mask in masks)
    brows, eyes, nose, mouth = (np.argwhere(mask).mean(0)[0] for mask in masks)
    assert brows < eyes < nose < mouth
    control = cheek(np.mean([m.sum() for m in masks]), CROP)
    assert control.sum() == pytest.approx(np.mean([m.sum() for m in masks]), rel=0.35)
    chips = noise(2, 48)
    for name, changed in edited(chips, CROP).items():
        other = (changed != chips).any(3)
        mask = control if name == CONTROL else region(name, CROP)
        assert not other[:, ~mask].any()
        assert len(np.unique(changed[0][mask], axis=0)) == 1  # one colour


@pytest.fixture(scope="module")
def one():
    """Every cue on one rendered person."""
    return list(pairs(1, CROP, 3))


@pytest.mark.slow
def test_rendered_pairs_differ_in_one_cue_and_repeat(one):
    again = list(pairs(1, CROP, 3))
    assert [pair.cue for pair in one] == list(CUES)
    for pair, same in zip(one, again, strict=True):
        assert np.array_equal(pair.with_, same.with_)
        assert (pair.with_ != pair.without).any(), pair.cue
    by = {pair.cue: pair for pair in one}
    rest = by["smile"].without
    assert all(np.array_equal(by[cue].without, rest) for cue in ("brows up", *LOOKS, "light"))
    changed = (by[TEETH].with_ != by[TEETH].without).any(2)
    assert np.argwhere(changed)[:, 0].min() > 24  # the lower half: nothing but the mouth
    assert changed.mean() < 0.1


@pytest.mark.slow
def test_the_audit_runs_by_its_name_with_photographs_and_a_limit(one, monkeypatch):
    def cast(count, crop, seed):  # one rendered person in several places: rendering takes long
        assert crop.size == CROP.size
        return (replace(pair, person=k, dark=k % 2 == 0) for k in range(count) for pair in one)

    monkeypatch.setattr("mien.systems.affect_cues.audit.pairs", cast)
    monkeypatch.setattr("mien.systems.affect_cues.audit._LAST", {})
    subject = head_of(light, task="expression", size=48)
    data = Samples("toys", tuple(noise(10, 64)), {})
    steps = []
    found = plain(audit("affect-cues", subject, data, settings=["people=6"],
                        on_step=lambda *step: steps.append(step)))  # fmt: skip
    effects = {row["Cue"]: row for row in found["tables"][0]["rows"]}
    assert set(effects) == set(CUES)
    assert effects["light"]["Answer that moves"]["value"] > 0.005
    assert effects["glasses"]["Kind"] == "no expression"
    regions = [row["Region"] for row in found["tables"][2]["rows"]]
    assert regions[-1] == CONTROL
    assert set(regions) == {*REGIONS, CONTROL}
    assert ("rendered pairs", 6 * len(CUES), 6 * len(CUES)) in steps
    with pytest.raises(TooFewTrialsError, match="5 people are too few"):
        audit("affect-cues", subject, data, settings=["people=5"])
    with pytest.raises(ScopeError, match="agreed limit is 50"):
        audit("affect-cues", subject, data, settings=["people=6"], scope=Scope(queries=50))


def test_a_language_model_is_asked_checked_and_never_guessed(tmp_path):
    answers = iter([
        '{"expression": "happiness", "valence": 0.8, "arousal": 0.2}',
        "It is happy.", '{"expression": "happiness", "valence": 0.5, "arousal": 0}',  # repaired
        "I'm sorry, I cannot judge people.",
        "happy", "happy again",  # invalid twice
    ])  # fmt: skip
    raw = tmp_path / "raw.jsonl"
    subject = vlm_of(lambda image, prompt: next(answers), name="scripted", raw=raw)
    readings = subject.model(noise(4, subject.model.crop.size))
    assert [reading.values.get("happiness") for reading in readings] == [1, 1, None, None]
    assert readings[0].values["sadness"] == 0
    lines = [json.loads(line) for line in raw.read_text().splitlines()]
    assert [line["outcome"] for line in lines] == ["valid", "repaired", "refused", "invalid"]
    assert lines[3]["raw"] == ["happy", "happy again"]
    assert {line["prompt"] for line in lines} == {"affect-1"}
