"""Check that a model fulfils the contract of its kind: `mien.testing.check("embedder", model)`.

A class fulfils a contract by its behaviour; it does not inherit from anything.
"""

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from mien.contracts import Artefact, Made, Provenance, Samples, Scope, Subject
from mien.errors import CancelledError, MienError, TooFewTrialsError
from mien.metrics import Estimate
from mien.metrics.findings import Findings, plain
from mien.types import (
    PARTS,
    Clip,
    Crop,
    Device,
    Face,
    Floats,
    Mesh,
    Pixels,
    Reading,
    Series,
    Sound,
    Words,
)
from mien.zoo.options import list_options

COUNTS = (0, 1, 3)  # sizes of the batches: empty, single, several
LENGTHS = (0, 1, 3, 24)  # frames of the clips: none, far too few, too few for many, enough
POINTS, JOINTS = 68, 33  # landmarks of synthetic clips, and joints of their bodies
RATE = 16_000  # samples per second of synthetic sound
SAMPLES = 64  # pictures of synthetic data for audits
TOY_DEVICE = Device("cpu", "NumPy", 1)  # of a model that runs no graph


def check(
    kind: str,
    model: Any,
    *,
    inputs: Mapping[str, Artefact] | None = None,
    subject: Subject | None = None,
    data: Samples | None = None,
) -> None:
    """Assert that a model fulfils the contract of its kind.

    The model runs on synthetic data. The check covers empty, single and several inputs; shapes,
    types and ranges; and repeatability. The answer must not depend on the order of a batch. A maker
    reports its provenance. The intervals of an audit contain their values, and an audit refuses
    too little data.

    Args:
        kind: as on cards: "detector", "landmarker", "embedder", "chip-head", "clip-head",
            "maker", "audit".
        model: an opened model.
        inputs: for a maker that needs more than noise, such as a picture with a face.
        subject: for an audit, the model that it examines; default: a toy.
        data: for an audit; default: noise of two classes.

    Raises:
        AssertionError: a rule of the contract is broken; the message names it.
        ValueError: no check exists for that kind.
    """
    checks: dict[str, Any] = {
        "detector": _detector,
        "landmarker": _landmarker,
        "embedder": _embedder,
        "chip-head": _chip_head,
        "clip-head": _clip_head,
        "maker": lambda maker: _maker(maker, inputs),
        "audit": lambda audit: _audit(audit, subject, data),
    }
    if kind not in checks:
        raise ValueError(f"There is no check for kind '{kind}'; there are {', '.join(checks)}.")
    _model(model)
    checks[kind](model)


def noise(count: int, side: int, seed: int = 0) -> Pixels:
    """(N, side, side, 3) pictures of coloured noise, the same for the same seed."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def _detector(model: Any) -> None:
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
    assert model.contract, "an embedder has a contract id"

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
    assert model.needs and model.needs <= set(PARTS), f"parts are {', '.join(PARTS)}"
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
    for reading in model(Clip(made_up_clip(max(LENGTHS), model).times)):  # a film may lack a part
        assert not reading.values and reading.text, "a clip without its parts needs a text"


def made_up_clip(length: int, model: Any) -> Clip:
    """A clip of noise, 25 frames per second, with the parts that a clip head asks for."""
    rng, times = np.random.default_rng(0), np.arange(length) / 25.0
    slow = times[::2]  # a second sensor at half the rate
    seconds = length / 25.0
    boxes = np.tile(np.array([8, 8, 40, 40], np.float32), (length, 1))

    def normal(*shape: int) -> Floats:
        return rng.normal(50, 20, shape).astype(np.float32)

    parts: dict[str, Any] = {
        "chips": lambda: noise(length, model.crop.size),
        "points": lambda: normal(length, POINTS, 2),
        "pose": lambda: normal(length, 3) - 50,
        "body": lambda: Series(slow, np.abs(normal(len(slow), JOINTS, 4)) / 200),
        "audio": lambda: Sound(
            rng.uniform(-1, 1, round(seconds * RATE)).astype(np.float32), RATE, 0.0
        ),
        "text": lambda: (Words("bin blue at f two now", 0.0, seconds),) if length else (),
        "frames": lambda: rng.integers(0, 256, (length, 48, 48, 3), dtype=np.uint8),
        "depth": lambda: Series(slow, np.abs(normal(len(slow), 48, 48)) / 50),
        "infrared": lambda: Series(slow, rng.integers(0, 256, (len(slow), 48, 48), dtype=np.uint8)),
    }
    made = {name: parts[name]() for name in PARTS if name in model.needs}
    return Clip(times, boxes=boxes if "frames" in made else None, **made)


def _maker(model: Any, inputs: Mapping[str, Artefact] | None) -> None:
    assert isinstance(model.needs, tuple), "needs are a tuple: the order of the inputs"
    _flat(model.options)
    given = inputs if inputs is not None else made_up_inputs(model.needs)
    assert set(given) == set(model.needs), f"give the inputs {', '.join(model.needs)}"
    before = {name: _bytes(one) for name, one in given.items()}
    options = model.options()
    made, again = model(given, options), model(given, options)
    assert {name: _bytes(one) for name, one in given.items()} == before, "an input was changed"
    assert isinstance(made, Made) and made.artefacts, "a maker gives at least one artefact"
    names = [one.name for one in made.artefacts]
    assert len(names) == 1 or (all(names) and len(set(names)) == len(names)), (
        "several results need names that differ"
    )
    first, second = ([_bytes(one) for one in run.artefacts] for run in (made, again))
    assert first == second, "two results of one seed"
    _provenance(model, made.provenance, given, options)
    if model.needs:
        _refuses(lambda: model({}, options), MienError, "a run without its inputs")
    _steps(lambda on_step: model(given, options, on_step=on_step))


def made_up_inputs(needs: tuple[str, ...]) -> dict[str, Artefact]:
    """Pictures of noise, a second of sound, a triangle: what a maker needs, except films."""
    kinds: dict[str, Any] = {
        "image": lambda k: {"image": noise(1, 96, k)[0]},
        "sound": lambda k: {
            "sound": Sound((noise(1, 64, k).ravel() / 255).astype(np.float32), RATE)
        },
        "mesh": lambda k: {"mesh": Mesh(np.eye(3, dtype=np.float32), np.array([[0, 1, 2]]))},
    }
    made = {}
    for number, need in enumerate(needs):
        kind = need.partition("-")[0]
        if kind not in kinds:
            raise ValueError(f"A {kind} cannot be made up here; give `inputs` to check.")
        content: dict[str, Any] = {"name": need, "sha256": "0" * 64, **kinds[kind](number)}
        made[need] = Artefact(kind, **content)  # type: ignore[arg-type]
    return made


def _provenance(
    model: Any, stated: Provenance, given: Mapping[str, Artefact], options: Any
) -> None:
    """Check that provenance names maker, inputs, weights, settings and seed."""
    assert (stated.maker, stated.digest) == (model.name, model.digest), "provenance names the maker"
    assert stated.change in ("synthetic", "edited", "restored"), f"'{stated.change}' is no change"
    wanted = [(given[need].name, given[need].sha256) for need in model.needs]
    assert list(stated.made_from) == wanted, "provenance names each input with its SHA-256"
    fields = {field.name for field in dataclasses.fields(options)}
    assert {name for name, _ in stated.options} == fields, "provenance has every setting"
    seed = getattr(options, "seed", None)
    assert stated.seed == seed, f"provenance has the seed {stated.seed}, not {seed}"


def _audit(model: Any, subject: Subject | None, data: Samples | None) -> None:
    assert isinstance(model.needs, frozenset) and model.needs, "needs are kinds of models"
    _flat(model.options)
    subject = subject or made_up_subject(sorted(model.needs)[0])
    assert subject.kind in model.needs, f"a {subject.kind} is none of {', '.join(model.needs)}"
    data = data or made_up_samples(SAMPLES)
    scope, options = Scope(purpose="to check the contract"), model.options()
    for count in (0, 1):
        few = _first(data, count)
        _refuses(lambda few=few: model(subject, few, scope, options), TooFewTrialsError,
                 f"an audit of {count} pictures")  # fmt: skip
    found, again = (model(subject, data, scope, options) for _ in range(2))
    assert isinstance(found, Findings)
    assert plain(found) == plain(again), "two findings about one model"
    assert found.title and found.lead and found.headline, "findings have a title and a headline"
    assert found.risk is not None and found.risk.reason, "an audit states the risk and why"
    basis = " ".join(text for row in found.basis for text in row)
    assert subject.label in basis, "the basis names the subject with its digest"
    assert scope.purpose in basis, "the basis names the purpose"
    cells = [cell for table in found.tables for row in table.rows for cell in row]
    for one in [*(fact.value for fact in found.headline), *cells]:
        if isinstance(one, Estimate):
            _interval(one)
    _steps(lambda on_step: model(subject, data, scope, options, on_step=on_step))


def _interval(one: Estimate) -> None:
    assert one.known or one.reason, "a number that is not known needs a reason"
    if one.known and np.isfinite([one.low, one.high]).all():
        assert one.low <= one.value <= one.high, f"{one.value} is not in {one.low} to {one.high}"


def _first(data: Samples, count: int) -> Samples:
    labels = {task: column[:count] for task, column in data.labels.items()}
    return Samples(data.name, data.pictures[:count], labels, data.people[:count])


def made_up_samples(count: int) -> Samples:
    """Pictures of noise of two classes and seven people, each of whom is in both classes."""
    classes = tuple("dark" if k % 2 else "light" for k in range(count))
    shade = np.where(np.arange(count) % 2, 2, 1)[:, None, None, None]
    pictures = tuple((noise(count, 32) // shade).astype(np.uint8))
    people = tuple(f"P{k % 7}" for k in range(count))
    return Samples("synthetic noise", pictures, {"shade": classes}, people)


def made_up_subject(kind: str) -> Subject:
    """A toy model of a kind, for audits: brightness, or the colour of the middle."""
    toys: dict[str, Any] = {"chip-head": ToyHead, "embedder": ToyEmbedder}
    if kind not in toys:
        raise ValueError(f"A {kind} cannot be made up here; give `subject` to check.")
    return Subject(kind, toys[kind]())  # type: ignore[arg-type]


class ToyHead:
    """Reads how bright a chip is, as probabilities of two words."""

    name, digest, device = "toy-head", "0" * 12, TOY_DEVICE
    crop = Crop(size=16)

    def __call__(self, chips: Pixels) -> list[Reading]:
        """(N, 16, 16, 3) -> N readings of "light" and "dark", which sum to 1."""
        means = chips.reshape(len(chips), 768).mean(1) / 255 if len(chips) else []
        return [
            Reading("shade", {"light": float(m), "dark": 1 - float(m)}, "probability", self.name)
            for m in means
        ]


class ToyEmbedder:
    """Embeds the mean colour of a chip."""

    name, digest, device = "toy-embedder", "0" * 12, TOY_DEVICE
    contract, crop = "toy-embedder/3", Crop(size=16)

    def __call__(self, chips: Pixels) -> Floats:
        """(N, 16, 16, 3) -> (N, 3) unit vectors."""
        means = chips.reshape(len(chips), 256, 3).mean(1).astype(np.float32) + 1
        return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float32)


def _model(model: Any) -> None:
    """Check the attributes that every model has."""
    for key in ("name", "digest", "device"):
        assert hasattr(model, key), f"a model has a {key}; this {type(model).__name__} has none"
    assert isinstance(model.name, str) and model.name, "a model has the name of its card"
    assert isinstance(model.digest, str), f"a digest is text, got {model.digest!r}"
    assert isinstance(model.device, Device), f"a device is a Device, got {model.device!r}"


def _flat(options: Any) -> None:
    """Check that options are a frozen dataclass of plain fields with defaults."""
    assert isinstance(options, type) and dataclasses.is_dataclass(options), "options: a dataclass"
    assert options.__dataclass_params__.frozen, "options are frozen"  # type: ignore[attr-defined]
    try:
        options()
    except TypeError as error:
        raise AssertionError(f"every setting has a default: {error}") from None
    rest = [o for o in list_options(options) if dataclasses.is_dataclass(o.default)]
    assert not rest, f"settings are flat; {', '.join(o.key for o in rest)} holds others"


def _steps(run: Any) -> None:
    """Check that progress is reported, and that CancelledError stops the work."""
    steps: list[tuple[str, int, int]] = []
    run(lambda *step: steps.append(step))
    assert steps, "on_step is called at least once"
    assert all(0 <= done <= total or total == 0 for _, done, total in steps), "done in total"

    def cancel(name: str, done: int, total: int) -> None:
        raise CancelledError("The check stops the work.")

    _refuses(lambda: run(cancel), CancelledError, "work that was cancelled")


def _refuses(run: Any, error: type[MienError], what: str) -> None:
    try:
        run()
    except error:
        return
    raise AssertionError(f"{what} must raise {error.__name__}, and gave an answer")


def _bytes(one: Artefact) -> bytes:
    """Everything in an artefact, to compare two of them."""
    parts = [one.kind.encode(), one.name.encode()]
    if one.image is not None:
        parts.append(one.image.tobytes())
    if one.frames is not None:
        parts += [b"%r" % time + frame.tobytes() for time, frame in one.frames]
    if one.sound is not None:
        parts.append(one.sound.samples.tobytes())
    if one.mesh is not None:
        parts += [one.mesh.points.tobytes(), one.mesh.triangles.tobytes()]
    return hashlib.sha256(b"|".join(parts)).digest()


def _readings(readings: list[Any]) -> None:
    assert all(isinstance(reading, Reading) for reading in readings)
    assert all(reading.task and reading.unit and reading.model for reading in readings)
    for value in (v for reading in readings for v in reading.values.values()):
        assert np.isfinite(value), "a number that is not known is left out"


def _same(one: list[Any], two: list[Any], tolerance: float, what: str) -> None:
    assert len(one) == len(two), what
    for a, b in zip(one, two, strict=True):
        assert a.values.keys() == b.values.keys(), what
        differences = [abs(a.values[name] - b.values[name]) for name in a.values]
        assert max(differences, default=0.0) <= tolerance, f"{what}: {max(differences):.2g}"


def _batch(model: Any, count: int, fits: Any) -> Floats:
    """Run a batch; check it, its repetition and its reversal."""
    chips = noise(count, model.crop.size)
    answer: Floats = model(chips)
    fits(answer, count)
    assert np.array_equal(answer, model(chips)), "two answers to one batch"
    backwards = model(np.ascontiguousarray(chips[::-1]))[::-1]
    assert np.allclose(answer, backwards, atol=1e-5), "the order of the batch matters"
    return answer
