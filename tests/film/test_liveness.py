"""A challenge on real pixels: a photograph does not follow, a puppet of it does."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from tests.toys import TOY_DEVICE

from mien.behaviour.challenge import Challenge
from mien.contracts import Artefact
from mien.film.liveness import ChallengeRun, check_tracks
from mien.liveness import LivenessCheck
from mien.media import Frame, open_film
from mien.track import ShotBoundaryDetector
from mien.types import Reading
from mien.zoo import load

RATE = 15  # frames per second

pytestmark = pytest.mark.weights


def run(frames, move, mesh):
    lead = ChallengeRun(Challenge((move,)), load("mtcnn"), mesh)
    for number, frame in enumerate(frames):
        if lead.see(frame, number / RATE):
            break
    return lead.challenge.finish()


def test_a_still_photograph_does_not_smile(hopper, mesh):
    assert not run([hopper] * 60, "smile", mesh).passed


def test_a_puppet_that_smiles_passes_so_a_challenge_does_not_stop_injected_films(hopper, mesh):
    puppet = load("photo-puppet")
    options = replace(
        puppet.options(), units=("AU12:0.8", "AU6:0.6"), seconds=1.2, rate=float(RATE)
    )
    film = puppet({"image": Artefact("image", image=hopper, name="hopper")}, options)
    moved = [frame for _, frame in film.artefacts[0].frames]
    result = run([hopper] * 20 + moved + [hopper] * 5, "smile", mesh)
    assert result.passed
    assert 0 < result.steps[0].seconds < 1.5


def moved(image, number):
    """The whole view sways, as if it were one sheet."""
    turn = np.float32([[1, 0, 8 * np.sin(number)], [0, 1, 6 * np.cos(number)]])
    size = image.shape[1::-1]
    return cv2.warpAffine(image, turn, size, borderMode=cv2.BORDER_REFLECT)


def test_a_view_that_moves_as_one_sheet_is_an_attack_whatever_the_score(hopper):
    check = LivenessCheck(Fixed())
    frames = [Frame(k, k / 10, moved(hopper, k / 3)) for k in range(40)]
    tracks = check_tracks(frames, load("mtcnn"), check, chips=True)
    one = max(tracks, key=lambda track: len(track.moments))
    assert (one.liveness.outcome, one.liveness.signs) == ("attack", ("sheet",))
    assert one.liveness.score == pytest.approx(0.9)
    # 20 frames are checked, every 0.2 s; the head scores the first second, then every third.
    assert [m.score for m in one.moments] == [0.9] * 10
    assert [round(m.time, 1) for m in one.moments] == [0, 0.2, 0.4, 0.6, 0.8, 1.2, 1.8, 2.4, 3, 3.6]
    assert one.end == pytest.approx(3.8)
    assert 6 <= len(one.chips) <= 12
    assert one.chips[0][1].shape == (96, 96, 3)
    assert not check_tracks(frames[:3], load("mtcnn"), check)[0].chips


class Fixed:
    """Takes everything for live."""

    name, digest, device = "fixed", "0123", TOY_DEVICE
    needs, points = frozenset({"frames"}), {"bpcer5": 0.5}

    def __call__(self, clip):
        return [Reading("liveness", {"live": 0.9}, "probability", self.name)]


@pytest.mark.realdata
def test_no_real_face_shows_a_sign_of_a_sheet(data):
    films = sorted((data / "assets").rglob("*.m[po][4gv]"))
    assert len(films) >= 15
    seen, check, detector = 0, LivenessCheck(Fixed()), load("mtcnn")
    for path in films:
        with open_film(path) as film:
            frames = film.frames(end=6.0, every=0.2, glance=ShotBoundaryDetector())
            for track in check_tracks(frames, detector, check):
                assert track.motion.signs == (), (path.name, track.motion)
                seen += track.motion.moved is not None
    assert seen >= 20
