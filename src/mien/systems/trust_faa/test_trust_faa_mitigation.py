"""Skewed training sets, and the arms that should not learn the skew."""

from importlib import import_module

import numpy as np
import pytest


@pytest.fixture
def parts(torch):
    return import_module("mien.systems.trust_faa.data"), import_module(
        "mien.systems.trust_faa.proof"
    )


def looks(data, count=160):
    """Pairs of the same face in two tones; class 1 has a bright mouth."""
    rng = np.random.default_rng(0)
    unit = np.arange(count) // 2
    dark, label = np.arange(count) % 2 == 1, unit % 2
    shades = rng.integers(-10, 10, (count // 2, 48, 48, 3))[unit] + 60 * label[:, None, None, None]
    shades[:, :24] -= 60 * label[:, None, None, None]

    def chips(tones):
        return np.clip(shades + np.where(tones, 60, 160)[:, None, None, None], 0, 255)

    made = [chips(tones).astype(np.uint8) for tones in (dark, ~dark, dark)]
    return data.Looks(*made, label, dark, unit)


def test_training_sets_are_skewed_as_planned_and_never_hold_both_tones_of_a_face(parts):
    data, _ = parts
    some = data.drawn(looks(data), 80, 0.9, 0)
    cells = {(y, d): int(((some.label == y) & (some.dark == d)).sum())
             for y in (0, 1) for d in (False, True)}  # fmt: skip
    assert cells == {(0, False): 36, (0, True): 4, (1, False): 4, (1, True): 36}
    assert len(set(some.unit.tolist())) == 80
    other = data.drawn(looks(data), 80, 0.9, 1)
    assert not np.array_equal(some.unit, other.unit)


def test_every_arm_trains_and_is_measured_in_all_cells(parts):
    data, proof = parts
    given = data.LookParts(looks(data), looks(data), 80)
    part = next(one for one in proof.PARTS if one.name == "mitigation on rendered faces")
    for name, arm in part.arms.items():
        found = part.run(part.quick(arm), 0, given)
        assert set(found) == set(part.shown), name
        assert 0 <= found["worst"] <= found["accuracy"] <= 1
        assert found["worst"] + found["gap"] <= 1 + 1e-9


def test_photographs_in_another_tone_are_of_the_other_group(parts):
    tones = import_module("mien.train.tones")
    rng = np.random.default_rng(0)
    dark = np.arange(12) % 2 == 0
    colour = np.where(dark[:, None], (110, 76, 58), (220, 180, 155))[:, None, None]
    images = np.clip(colour + rng.normal(0, 5, (12, 128, 128, 3)), 0, 255).astype(np.uint8)
    angles = np.array([tones.tone_angle(tones.cheeks(image)) for image in images])
    same = np.zeros(12, int)
    faces = tones.TonedFaces(images, angles, same, same + 30, same.astype(str))
    assert (faces.dark == dark).all()
    for across in (True, False):
        made = tones.tones_changed(faces, faces, 0, across=across)
        after = np.array([tones.tone_angle(tones.cheeks(image)) for image in made])
        assert ((after <= tones.DARK) == (dark != across)).all()
