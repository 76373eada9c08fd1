"""Write generated images of people with few images, for the training of recognisers.

Generated faces of real people are personal data. Each file declares itself as synthetic, so it is
never enrolled and never counted in a test.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np

from mien.align import align
from mien.contracts import Artefact, Detector, Embedder, Made, silent
from mien.datasets.people import people_in
from mien.decision import find_calibration
from mien.detect import detect_with_retries
from mien.errors import ImageError, MienError, OptionError
from mien.media import read_change, read_image, stretched, write_bytes
from mien.service.made_files import done_files, read_artefact, settings_key, write_made
from mien.service.runs import Run, usable
from mien.systems.gan_augment.gates import Gates, Known, matching_people, vectors
from mien.systems.gan_augment.make import CROP, ZOOM, GanAugment, Options, inner
from mien.types import OnStep, Pixels
from mien.zoo import DETECTOR, EMBEDDER, load

MANIFEST = "manifest.jsonl"
TRIES, BATCH = 12, 16  # generated faces per face that is wanted, and in one run of the network
MOST = 10_000  # images of one person


@dataclass(frozen=True, slots=True)
class AugmentPlan:
    """Settings of a set of generated images; the same plan and generator give the same bytes."""

    per_id: int = 40  # images of each person
    size: int = 128  # px of an image; beyond 32 it is only enlarged
    mark: bool = True  # whether images show "synthetic"
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.per_id <= MOST or not 32 <= self.size <= 512 or self.seed < 0:
            raise OptionError(
                f"A person gets 1 to {MOST} images of 32 to 512 px, with a seed from 0; got "
                f"{self.per_id}, {self.size} px and seed {self.seed}."
            )


@dataclass(frozen=True, slots=True)
class Augmented:
    """What was generated, and what was not."""

    manifest: Path  # one line per image
    made: dict[str, int]  # images of each person
    missing: dict[str, int]  # images that no generated face filled
    refused: dict[str, int]  # generated faces by the gate that refused them
    left_out: dict[str, int]  # images of the set by the reason why they were not used
    single: list[str]  # people with one image: nothing says how they vary
    matching_people: list[tuple[str, str]]  # pairs of folders that may show one person


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    path: Path
    person: str
    face: Pixels  # (128, 128, 3)
    chip: Pixels  # (32, 32, 3) what the generator sees


def augment(
    people: Path,
    out: Path,
    plan: AugmentPlan,
    *,
    generator: GanAugment,
    embedder: Embedder | None = None,
    detector: Detector | None = None,
    on_step: OnStep = silent,
    cancel: Event | None = None,
) -> Augmented:
    """Generate images of each person until there are enough; the same call resumes.

    A generated face is written if a detector finds it, if the person is the nearest one of the set
    with a probability above 0.5, and if it is no copy: it is not nearer to a real image than the
    1st percentile of distances between real images of one person.

    Args:
        people: one folder per person; the images stay as they are.
        out: folder for the images, one folder per person, and manifest.jsonl.
        plan: settings.
        generator: of a training.
        embedder: of the gates; default: the default one.
        detector: default: the default one.
        on_step: called after each image.
        cancel: set this event to stop after the image in progress.

    Raises:
        MienError: no image can be used, or a file cannot be written.
    """
    step = Run(on_step, cancel).step
    judge, finder = embedder or load(EMBEDDER), detector or load(DETECTOR)
    sources, left_out = _read(people, finder, step)
    who = np.array([one.person for one in sources])
    small = np.stack([one.chip for one in sources])
    calibration = find_calibration(judge.contract, finder.name)
    gates = Gates(Known(vectors(judge, small, ZOOM), who), judge, finder, calibration, ZOOM)
    made: dict[str, int] = {}
    rows: list[dict[str, Any]] = []
    for number, name in enumerate(gates.names.tolist()):
        own = [one for one in sources if one.person == name]
        kept = _faces(generator, gates, own, plan, number)
        made[name] = len(kept)
        for shot, (source, face) in enumerate(kept):
            rows.append(_write(generator, source, face, out / name / f"{shot:05d}", plan, step))
            step("generated images", len(rows), plan.per_id * len(gates.names))
    out.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_bytes(out / MANIFEST, lines.encode())
    counts = Counter(who.tolist())
    return Augmented(
        out / MANIFEST, made,
        {name: plan.per_id - count for name, count in made.items() if count < plan.per_id},
        dict(gates.refused), left_out, sorted(n for n, count in counts.items() if count == 1),
        matching_people(vectors(judge, np.stack([s.face for s in sources])), who, calibration),
    )  # fmt: skip


def _read(
    people: Path, detector: Detector, step: OnStep
) -> tuple[list[_Source], dict[str, int]]:  # fmt: skip
    """The faces of the set, and how many images were left out for which reason."""
    sources, left_out = usable(
        people_in(people), lambda one: _source(one.path, one.person, detector), step
    )
    if not sources:
        reasons = ", ".join(f"{name} {count}" for name, count in left_out.items())
        raise MienError(f"No image of {people} can be used ({reasons}); give images of faces.")
    return sources, left_out


def _source(path: Path, person: str, detector: Detector) -> _Source | str:
    """One face, or the reason why it is left out."""
    try:
        if read_change(path):
            return "made"
        image = read_image(path)
    except ImageError:
        return "unreadable"
    face = detect_with_retries(detector, image, "when-needed").largest
    if face is None:
        return "no face"
    [large] = align(image, [face], CROP)
    return _Source(path, person, large, inner(large))


def _faces(
    generator: GanAugment, gates: Gates, own: Sequence[_Source], plan: AugmentPlan, number: int
) -> list[tuple[_Source, Pixels]]:
    """Generated faces of one person that pass the gates, each with its source."""
    kept: list[tuple[_Source, Pixels]] = []
    for start in range(0, TRIES * plan.per_id, BATCH):
        count = min(BATCH, TRIES * plan.per_id - start)
        sources = [own[(start + k) % len(own)] for k in range(count)]
        seeds = np.random.default_rng([plan.seed, number, start, 373]).integers(1 << 31, size=count)
        faces = generator.variants(np.stack([one.chip for one in sources]), seeds)
        passed = gates.passed(faces, own[0].person)
        kept += [(sources[k], faces[k]) for k in np.flatnonzero(passed)]
        if len(kept) >= plan.per_id:
            return kept[: plan.per_id]
    return kept


def _write(
    generator: GanAugment, source: _Source, face: Pixels, stem: Path, plan: AugmentPlan,
    step: OnStep,
) -> dict[str, Any]:  # fmt: skip
    """Write one image with its provenance, unless it is there; return its row."""
    photo = read_artefact("image", source.path)
    provenance = generator.provenance(
        ((photo.name, photo.sha256),), Options(1, plan.size, False, plan.seed)
    )
    key = settings_key({**asdict(plan), "made_from": photo.sha256, "generator": generator.digest,
                        "place": f"{stem.parent.name}/{stem.name}"})  # fmt: skip
    stem.parent.mkdir(parents=True, exist_ok=True)
    files = done_files(stem, key)
    if files is None:
        image = stretched(face, plan.size)
        made = Made((Artefact("image", image=image),), provenance)
        files = write_made(made, stem, ".png", key, plan.mark, step)
    return {"file": files[0].relative_to(stem.parent.parent).as_posix(), "person": source.person,
            "synthetic": True, "source": photo.name, "source_sha256": photo.sha256}  # fmt: skip
