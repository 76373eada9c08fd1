"""Answers made of toy pictures: Ada is enrolled, Bob is for review, Cyd is a stranger."""

import numpy as np
import pytest
from PIL import Image

from mien.media.decoding import upright
from mien.service.schema import SCHEMA, answer_row
from mien.types import Answer, Basis, Candidate, Decision, Face

BASIS = Basis("toy", "toy/1/3", 0.9, 0.85, 0.95, 1e-4, 0.01, 3)
SIZE = (90, 160)  # height, width of the upright picture


def face(left, top, outcome, name="Ada", side=40.0):
    box = np.array([left, top, left + side, top + side], np.float32)
    inside = np.float32([[0.3, 0.3], [0.7, 0.3], [0.5, 0.5], [0.35, 0.7], [0.65, 0.7]])
    listed = (Candidate(name, 0.95, 1, "/home/ada/secret.jpg"), Candidate("Zed", 0.1, 2, None))
    person = name if outcome == "match" else None
    decision = Decision(outcome, person, 0.95, 0.99, 0.5, f"A {outcome}.", BASIS, 0.85, listed)
    return Face(box, 0.9, box[:2] + inside * side, decision=decision)


@pytest.fixture
def photo(tmp_path):
    """Return make(name, faces, orientation) -> the row of a picture that lies there."""

    def make(name, faces, orientation=1):
        picture = np.zeros((*SIZE, 3), np.uint8)
        for number, one in enumerate(faces):
            left, top, right, bottom = one.box.astype(int)
            picture[top:bottom, left:right] = (90 + 60 * number) % 256
        back = {6: 8, 8: 6}.get(orientation, orientation)
        stored = Image.fromarray(np.ascontiguousarray(upright(picture, back)))
        exif = stored.getexif()
        exif[0x0112] = orientation
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        stored.save(path, exif=exif, quality=95)
        return answer_row(Answer(tuple(faces), SIZE), str(path))

    return make


@pytest.fixture
def film_answer(tmp_path):
    """Return make(spans, ...) -> the row of a film; spans: (label, person, start, end)."""

    def make(spans, seconds=4.0, film=None):
        spans = [
            {"label": who, "person": person, "start": start, "end": end, "tracks": [0]}
            for who, person, start, end in spans
        ]
        labels = dict.fromkeys((one["label"], one["person"]) for one in spans)
        people = [
            {"label": label, "person": person, "seconds": 1.0, "best": 0.0, "tracks": [0],
             "decision": None} for label, person in labels
        ]  # fmt: skip
        return {
            "schema": SCHEMA, "film": str(film or tmp_path / "a film.mkv"), "seconds": seconds,
            "people": people, "appearances": spans,
        }  # fmt: skip

    return make
