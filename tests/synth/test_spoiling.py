import numpy as np
import pytest

from mien.errors import MienError
from mien.synth import Camera, Scene, render
from mien.synth.render.attacks import ATTACKS, DISTANCE, present
from mien.synth.render.bad_conditions import (
    CONDITIONS,
    enlarge_photo,
    photo_depth,
    spoil_photo,
)
from mien.synth.render.degrade import KINDS, spoil

CAMERA = Camera(128, 128)


@pytest.fixture(scope="module")
def frame(someone):
    return render(someone, Scene(camera=CAMERA))


@pytest.mark.parametrize("kind", KINDS)
def test_more_severity_spoils_more_and_the_same_seed_spoils_alike(frame, kind):
    off = []
    for severity in (0.1, 0.9):
        done = spoil(frame.rgb, kind, severity, 3, frame.depth)
        again = spoil(frame.rgb, kind, severity, 3, frame.depth)
        assert np.array_equal(done.image, again.image)
        assert done.image.shape == frame.rgb.shape
        assert done.parameters
        off.append(np.abs(done.image.astype(float) - frame.rgb).mean())
    assert off[1] > off[0]
    assert off[1] > 0.8


def test_fog_follows_the_law_of_koschmieder(frame):
    done = spoil(frame.rgb, "fog", 0.5, 0, frame.depth)
    beta, air = done.parameters["beta_per_m"], done.parameters["air"]
    row, column = np.argwhere(frame.seg == 2)[20]  # a pixel of the nose
    through = np.exp(-beta * frame.depth[row, column] / 1000)
    code = frame.rgb[row, column] / 255
    linear = np.where(code > 0.04045, ((code + 0.055) / 1.055) ** 2.4, code / 12.92)
    mixed = linear * through + air * (1 - through)
    expected = 255 * (1.055 * mixed ** (1 / 2.4) - 0.055)
    assert done.image[row, column] == pytest.approx(expected, abs=1)


def test_bad_degradations_are_told(frame):
    with pytest.raises(MienError, match="no degradation 'hail'"):
        spoil(frame.rgb, "hail", 0.5, 0)
    with pytest.raises(MienError, match="severity"):
        spoil(frame.rgb, "fog", float("nan"), 0, frame.depth)
    with pytest.raises(MienError, match="needs the depth"):
        spoil(frame.rgb, "fog", 0.5, 0)


@pytest.fixture(scope="module")
def shown(someone):
    scene = Scene(camera=CAMERA, weights={"AU12": 0.5}, pulse=1.0, pulse_depth=0.01)
    return {attack: present(someone, scene, attack, 7) for attack in ATTACKS}


@pytest.mark.parametrize("attack", ["print", "replay", "cutout"])
def test_a_sheet_is_flat_and_before_the_camera(shown, attack):
    depth = shown[attack].depth
    seen = ~np.isnan(depth)
    assert seen.mean() > 0.5
    assert np.median(depth[seen]) == pytest.approx(DISTANCE, abs=60)
    y, x = np.nonzero(seen)
    rows = np.c_[x, y, np.ones(x.size)]
    # Planes are straight in 1 / depth.
    fit, *_ = np.linalg.lstsq(rows, 1 / depth[seen], rcond=None)
    off = np.abs(1 / (rows @ fit) - depth[seen])
    assert off.max() < {"replay": 0.1, "print": 40, "cutout": 25}[attack]


def test_a_face_is_not_flat_and_a_mask_has_its_depth_without_its_pulse(shown, frame):
    face = np.isin(frame.seg, (1, 2))
    assert np.ptp(frame.depth[face]) > 60
    assert np.nanmax(shown["mask"].depth[face]) - np.nanmin(shown["mask"].depth[face]) > 60
    assert all(shown[attack].pulse_share < 0.5 for attack in ATTACKS)


def test_infrared_tells_screens_and_prints(shown):
    middle = np.s_[50:78, 50:78]
    assert shown["replay"].nir[middle].mean() < 80
    assert shown["print"].nir[middle].std() < 5
    assert shown["print"].nir[middle].mean() > 180


def test_unknown_attacks_are_told(someone):
    with pytest.raises(MienError, match="no attack 'hologram'"):
        present(someone, Scene(camera=CAMERA), "hologram", 0)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_photograph_is_spoilt_without_measured_depth_the_same_way_again(frame, condition):
    done = [spoil_photo(frame.rgb, condition, seed) for seed in (4, 4, 5)]
    assert np.array_equal(done[0], done[1])
    assert not np.array_equal(done[0], done[2])
    assert not np.array_equal(done[0], frame.rgb)
    assert done[0].shape == frame.rgb.shape


def test_the_assumed_depth_is_one_face_in_drifting_fog():
    depth = photo_depth((60, 80), 0)
    assert depth.shape == (60, 80)
    assert 100 < depth.min() < depth.max() < 3000
    assert np.abs(np.diff(depth, axis=0)).max() < 100  # smooth
    with pytest.raises(MienError, match="no condition 'hail'"):
        spoil_photo(np.zeros((8, 8, 3), np.uint8), "hail", 0)


def test_an_enlarged_photograph_has_its_size_and_less_detail(frame):
    for quality in (None, 40):
        done = enlarge_photo(frame.rgb, 4, quality)
        assert done.shape == frame.rgb.shape
        rough = [np.abs(np.diff(x.astype(float), axis=1)).mean() for x in (done, frame.rgb)]
        assert rough[0] < rough[1]
