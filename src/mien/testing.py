"""Run a contract on a model, ours or yours: `mien.testing.check("embedder", model)`.

A class keeps a contract if it behaves so; nothing has to be inherited.
"""

from typing import Any

import numpy as np

from mien.types import Clip, Face, Floats, Pixels, Reading

COUNTS = (0, 1, 3)  # sizes of the batches: empty, single, several
LENGTHS = (0, 1, 3, 24)  # frames of the clips: none, far too few, too few for many, enough
PARTS = ("chips", "points")  # of a Clip, that can be made up here
POINTS = 68  # landmarks of made-up clips


def check(kind: str, model: Any) -> None:
    """Assert that a model keeps the contract of its kind.

    Runs it on made-up pictures: empty, single and several; shapes, types and ranges; the same
    input gives the same answer; the order of a batch does not matter.

    Args:
        kind: as on cards: "detector", "landmarker", "embedder", "chip-head", "clip-head".
        model: an opened model.

    Raises:
        AssertionError: saying what is broken.
        ValueError: there is no check for that kind.
    """
    checks = {
        "detector": _detector,
        "landmarker": _landmarker,
        "embedder": _embedder,
        "chip-head": _chip_head,
        "clip-head": _clip_head,
    }
    if kind not in checks:
        raise ValueError(f"There is no check for kind '{kind}'; there are {', '.join(checks)}.")
    checks[kind](model)


def noise(count: int, side: int, seed: int = 0) -> Pixels:
    """(N, side, side, 3) pictures of coloured noise, the same for the same seed."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def _detector(model: Any) -> None:
    assert isinstance(model.name, str) and model.name, "a detector has the name of its card"
    for shape in ((1, 1), (40, 300), (200, 160)):
        image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
        before = image.copy()
        faces, again = model(image), model(image)
        assert np.array_equal(image, before), "the picture was changed"
        assert isinstance(faces, list) and all(isinstance(face, Face) for face in faces)
        assert [f.score for f in faces] == [f.score for f in again], "two answers to one picture"
        scores = [face.score for face in faces]
        assert scores == sorted(scores, reverse=True), "the most confident face comes first"
        for face in faces:
            assert 0 <= face.score <= 1, f"score {face.score} is not in [0, 1]"
            assert face.box.shape == (4,) and face.box.dtype == np.float32
            assert (face.box[2:] >= face.box[:2]).all(), "left, top, right, bottom"
            assert face.points is None or face.points.shape == (5, 2)


def _embedder(model: Any) -> None:
    assert model.contract and model.name, "an embedder has a name and a contract id"

    def unit(vectors: Floats, count: int) -> None:
        assert vectors.shape[0] == count and vectors.ndim == 2, f"(N, D), got {vectors.shape}"
        assert vectors.dtype == np.float32, f"float32, got {vectors.dtype}"
        lengths = np.linalg.norm(vectors, axis=1)
        assert np.allclose(lengths, 1, atol=1e-5), f"unit length, got {lengths}"

    width = {_batch(model, count, unit).shape[1] for count in COUNTS}
    assert len(width) == 1, f"the width depends on the batch: {width}"


def _landmarker(model: Any) -> None:
    for count in COUNTS:
        points, seen = model(noise(count, model.crop.size))
        assert points.shape == (count, points.shape[1], 3), f"(N, L, 3), got {points.shape}"
        assert seen.shape == points.shape[:2] and ((seen >= 0) & (seen <= 1)).all()


def _chip_head(model: Any) -> None:
    for count in COUNTS:
        readings = model(noise(count, model.crop.size))
        assert len(readings) == count
        _readings(readings)
    chips = noise(max(COUNTS), model.crop.size)
    together, alone = model(chips), [model(chip[None])[0] for chip in chips]
    _same(together, model(chips), 1e-6, "two answers to one batch")
    _same(together, alone, 1e-4, "a face's answer depends on the other faces of its batch")


def _clip_head(model: Any) -> None:
    assert model.needs and model.needs <= {"chips", "points", "pose", "body", "audio", "text",
                                           "frames", "depth", "infrared"}  # fmt: skip
    if not model.needs <= set(PARTS):
        raise ValueError(f"A clip with {', '.join(sorted(model.needs))} cannot be made up here.")
    for length in LENGTHS:
        clip = made_up_clip(length, model)
        readings = model(clip)
        assert isinstance(readings, list)
        _readings(readings)
        _same(readings, model(clip), 1e-6, "two answers to one clip")
        for reading in readings:
            assert reading.values or reading.text, "no values needs a text that says why"
            if reading.span is not None:
                begin, end = reading.span
                assert clip.times[0] <= begin <= end <= clip.times[-1], "a span beyond the clip"
    assert model(made_up_clip(max(LENGTHS), model)), "a clip that is long enough gets an answer"


def made_up_clip(length: int, model: Any) -> Clip:
    """A clip of noise, 25 frames a second, with the parts that a clip head asks for."""
    chips = noise(length, model.crop.size) if "chips" in model.needs else None
    random = np.random.default_rng(0)
    points = random.normal(50, 20, (length, POINTS, 2)).astype(np.float32)
    return Clip(np.arange(length) / 25.0, chips, points if "points" in model.needs else None)


def _readings(readings: list[Any]) -> None:
    assert all(isinstance(reading, Reading) for reading in readings)
    assert all(reading.task and reading.unit and reading.model for reading in readings)
    for value in (v for reading in readings for v in reading.values.values()):
        assert np.isfinite(value), "a number that is not known is left out"


def _same(one: list[Any], two: list[Any], tolerance: float, what: str) -> None:
    assert len(one) == len(two), what
    for a, b in zip(one, two, strict=True):
        assert a.values.keys() == b.values.keys(), what
        apart = [abs(a.values[name] - b.values[name]) for name in a.values]
        assert max(apart, default=0.0) <= tolerance, f"{what}: {max(apart):.2g}"


def _batch(model: Any, count: int, fits: Any) -> Floats:
    """Run a batch; check it, its repetition and its reversal."""
    chips = noise(count, model.crop.size)
    answer: Floats = model(chips)
    fits(answer, count)
    assert np.array_equal(answer, model(chips)), "two answers to one batch"
    backwards = model(np.ascontiguousarray(chips[::-1]))[::-1]
    assert np.allclose(answer, backwards, atol=1e-5), "the order of the batch matters"
    return answer
