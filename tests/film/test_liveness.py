"""A challenge on real pixels: a photograph does not follow, a puppet of it does."""

from dataclasses import replace

import pytest

from mien.behaviour.challenge import Challenge
from mien.contracts import Artefact
from mien.film.liveness import ChallengeRun
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
