"""Two rendered people walk past each other: detection, tracking and naming keep them apart."""

from collections import Counter

import numpy as np
import pytest

from mien.film.engine import FilmEngine
from mien.film.identities import identify_tracks
from mien.film.scanner import FilmScanner
from mien.media import open_film
from mien.photo import open_pipeline
from mien.synth import open_head
from mien.synth.data.group_film import read_group, record_group
from mien.synth.data.groups import random_group
from mien.track import TrackBuilder

SEED = 200  # the first film of benchmarks/crossings.py


@pytest.fixture(scope="module")
def crossing(tmp_path_factory):
    """A film of two people who cross."""
    path = tmp_path_factory.mktemp("crossing") / "hall.mp4"
    group = random_group(SEED, 2, "crossing", rate=8.0, size=(360, 640))
    record_group(group, group.cast(open_head("builtin")), path)
    return path


def names_over_time(path):
    """Of each frame: middles of the faces that were found, and their names."""
    pipeline = open_pipeline()
    calibration, builder = pipeline.calibrated(), TrackBuilder()
    engine, frames = FilmEngine(FilmScanner(pipeline.detector, pipeline.embedder, calibration)), []
    with open_film(path) as film:
        for segment in engine.segments(film.frames()):
            builder.take(segment)
            frames += segment.frames
    builder.finish(builder.seconds + 0.1)
    _, people = identify_tracks(builder.tracks(), builder.together, None, calibration)
    owner = {number: person.person for person in people for number in person.tracks}
    return [
        [(face.box.reshape(2, 2).mean(0), owner.get(face.track)) for face in frame.faces]
        for frame in frames
    ]


@pytest.mark.slow
@pytest.mark.weights
def test_two_people_who_cross_keep_their_names(crossing):
    truth, found = read_group(crossing), names_over_time(crossing)
    half, names = len(truth.times) // 2, {}
    for number, one in enumerate(truth.people):
        for part, rows in (("before", range(half - 2)), ("after", range(half + 2, 2 * half))):
            marks, asked = Counter(), 0
            for row in rows:
                middle = one.whole.box[row].reshape(2, 2).mean(0)
                wide = np.ptp(one.whole.box[row][[0, 2]])
                asked += one.whole.share[row] > 0.5
                near = [n for at, n in found[row] if np.abs(at - middle).max() < wide / 2]
                marks.update(near[:1])
            assert marks.total() > 0.6 * asked
            names[number, part] = marks.most_common(1)[0][0]
    assert names[0, "before"] == names[0, "after"] != names[1, "before"] == names[1, "after"]
