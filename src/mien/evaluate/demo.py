"""The demo: identify two people in degraded variants of public-domain portraits.

All variants of a person are made from the photo that was enrolled. The demo therefore shows that
difficult images pass through the whole chain, from file to answer. It does not measure accuracy on
people.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np

from mien.errors import MienError
from mien.evaluate.variants import VARIANTS, beside
from mien.gallery import Gallery, open_gallery
from mien.media import encode_image, read_image, write_bytes
from mien.photo import Pipeline
from mien.service import Item, enroll
from mien.types import Answer, Decision, OnStep, Pixels
from mien.zoo import sample

MARK = ".mien-demo"  # a file of this name marks a folder that the demo may overwrite
EVERYBODY = "everybody"
UNKNOWN = "unknown"
# By the US Navy and NASA, in the public domain: names of mien.zoo.sample.
PORTRAITS = {"Grace Hopper": "grace_hopper.jpg", "Eileen Collins": "astronaut.png"}
STRANGER = "camera.png"
FACELESS = {
    "cat": ("The face of a cat.", "chelsea.png"),
    "coffee": ("A cup of coffee.", "coffee.png"),
    "page": ("A page of text.", "page.png"),
    "rocket": ("A rocket on its pad.", "rocket.jpg"),
    "bricks": ("A wall of bricks.", "brick.png"),
}
KNOWN, STRANGE, EMPTY = "Known people, made hard", "Strangers", "Pictures without a face"


@dataclass(frozen=True, slots=True)
class Trial:
    """One image with its expected answer."""

    group: str  # KNOWN, STRANGE or EMPTY
    variant: str
    story: str  # what was done to the image, in a sentence
    path: Path
    gallery: str  # EVERYBODY, or the only person in the gallery
    expected: tuple[str, ...]  # a name or UNKNOWN per face; empty: there is no face


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """The result of one trial."""

    trial: Trial
    got: tuple[str, ...]  # a name or UNKNOWN per face, sorted
    outcome: str  # "match", "review", "unknown", "no face"; of several faces the least certain
    score: float | None  # of that face and the best candidate
    probability: float | None  # of that face
    threshold: float | None  # score that had to be exceeded
    passed: bool  # the expected answer; a review that names the right person passes too
    seconds: float  # from opening the file to the answer
    answer: Answer


def run_demo(out: Path, pipeline: Pipeline, on_step: OnStep | None = None) -> list[Result]:
    """Write the images, enrol the two people, and identify who is in each image.

    Args:
        out: a folder that is new, empty, or was made by an earlier demo; it gets `people/`,
            `pictures/` and one gallery file for each group of people.
        pipeline: with an embedder; its gallery is not used.
        on_step: called with what is being done, how many are done, and how many there are.

    Raises:
        MienError: the folder holds something else or cannot be written, or a portrait is missing.
    """
    claim(out)
    trials = list(_trials(out, pipeline))
    results = []
    with ExitStack() as open_files:
        asked = {
            name: replace(pipeline, gallery=open_files.enter_context(gallery))
            for name, gallery in _galleries(out, pipeline)
        }
        for done, trial in enumerate(trials):
            if on_step:
                on_step("identifying", done, len(trials))
            results.append(_ask(trial, asked[trial.gallery]))
        if on_step:
            on_step("identifying", len(trials), len(trials))
    return results


def portraits() -> dict[str, Path]:
    """The two portraits of the demo, fetched if they are missing: name -> file."""
    return {name: sample(where) for name, where in PORTRAITS.items()}


def claim(out: Path) -> None:
    """Claim a folder for the demo, or refuse: it may hold the only copy of somebody's images."""
    if out.exists() and not out.is_dir():
        raise MienError(f"{out} is a file; give --out a folder.")
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).is_file():
        raise MienError(
            f"Folder {out} holds files that no demo wrote; give --out a new or empty folder."
        )
    try:
        for folder in (out, out / "people", out / "pictures"):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MienError(
            f"Folder {out} cannot be created ({error.strerror}); choose another."
        ) from None
    write_bytes(out / MARK, b"Made by `mien demo`, which overwrites its own files here.\n")


def judged(expected: tuple[str, ...], got: tuple[str, ...]) -> bool:
    """Whether every face got the expected name, with no face too many or too few."""
    return sorted(expected) == sorted(got)


def _trials(out: Path, pipeline: Pipeline) -> Iterator[Trial]:
    folder, images = out / "pictures", {name: read_image(p) for name, p in portraits().items()}
    for name, image in images.items():
        face = pipeline.main_face(image)
        if face is None:
            raise MienError(f"No face was found in the portrait of {name}; try another --detector.")
        for variant in VARIANTS:
            path = folder / f"{name}, {variant.name}.jpg"
            write_bytes(path, variant.write(image, face.box))
            yield Trial(KNOWN, variant.name, variant.story, path, EVERYBODY, (name,))
    path = folder / "both.jpg"
    write_bytes(path, encode_image(beside(*images.values())))
    story = "Both people in one image."
    yield Trial(KNOWN, "both in one", story, path, EVERYBODY, tuple(images))
    yield from _strangers(folder, images)
    yield from _faceless(folder)


def _strangers(folder: Path, images: dict[str, Pixels]) -> Iterator[Trial]:
    for name, image in images.items():
        for other in images.keys() - {name}:
            path = folder / f"{name}, stranger to {other}.jpg"
            write_bytes(path, encode_image(image))
            story = f"{name}, asked of a gallery that knows only {other}."
            yield Trial(STRANGE, f"stranger: {name.split()[-1]}", story, path, other, (UNKNOWN,))
    path = folder / "passer-by.jpg"
    write_bytes(path, encode_image(read_image(sample(STRANGER))))
    story = "A man whom nobody has enrolled, seen from the side."
    yield Trial(STRANGE, "passer-by", story, path, EVERYBODY, (UNKNOWN,))


def _faceless(folder: Path) -> Iterator[Trial]:
    made = {
        "noise": ("Nothing but noise.", np.random.default_rng(0).integers(0, 256, (320, 400, 3))),
        "gradient": ("From black to white.", np.linspace(0, 255, 400)[None, :, None].repeat(3, 2)),
    }
    pictures = {
        name: (story, np.broadcast_to(values, (320, 400, 3)).astype(np.uint8))
        for name, (story, values) in made.items()
    }
    for name, (story, file) in FACELESS.items():
        pictures[name] = (story, read_image(sample(file)))
    for name, (story, image) in pictures.items():
        path = folder / f"{name}.jpg"
        write_bytes(path, encode_image(image))
        yield Trial(EMPTY, name, story, path, EVERYBODY, ())


def _galleries(out: Path, pipeline: Pipeline) -> Iterator[tuple[str, Gallery]]:
    """A fresh gallery of all people, and one for each person alone."""
    items = []
    for name, source in portraits().items():
        items.append(Item(name, out / "people" / f"{name}{source.suffix}"))
        write_bytes(items[-1].path, source.read_bytes())
    groups = {EVERYBODY: items, **{item.person: [item] for item in items}}
    for name, members in groups.items():
        path = out / f"{name}.mien"
        for old in out.glob(f"{path.name}*"):  # with SQLite's own -wal and -shm
            old.unlink()
        contract = pipeline.embedder.contract if pipeline.embedder else None
        gallery = open_gallery(path, contract, create=True)
        for enrolled in enroll(members, pipeline, gallery):
            if enrolled.outcome != "enrolled":
                raise MienError(f"{enrolled.item.path} could not be enrolled: {enrolled.detail}")
        yield name, gallery


def _ask(trial: Trial, pipeline: Pipeline) -> Result:
    start = perf_counter()
    answer = pipeline(read_image(trial.path))
    seconds = perf_counter() - start
    decisions = [face.decision for face in answer.faces if face.decision]
    got = tuple(sorted(decision.likely or UNKNOWN for decision in decisions))
    # The reported face of an image is the least certain one.
    worst = min(decisions, key=_certainty, default=None)
    return Result(
        trial,
        got,
        worst.outcome if worst else "no face",
        worst.score if worst else None,
        worst.probability if worst else None,
        worst.basis.threshold if worst and worst.basis else None,
        judged(trial.expected, got) and (bool(got) or answer.reason is not None),
        seconds,
        answer,
    )


def _certainty(decision: Decision) -> float:
    return -1.0 if decision.score is None else decision.score
