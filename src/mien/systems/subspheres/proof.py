"""Proof: how far the geometry of our own matcher lets a face of another appearance pass.

mien systems prove subspheres --data DATA --out FOLDER
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mien.audit import read_chips
from mien.contracts import Samples, Subject
from mien.datasets import LABELS
from mien.media import find_images
from mien.systems.subspheres.answers import ANSWERS, CAPS, ROUNDED
from mien.systems.subspheres.geometry import unit
from mien.systems.subspheres.measure import Arms, Found, Options, measure
from mien.systems.subspheres.people import Enrolled, rendered_people
from mien.systems.subspheres.realise import embedded
from mien.train.criteria import Criterion, of
from mien.train.criteria import Found as Figures
from mien.train.kept import digest_of, kept_arrays, rendered
from mien.train.proofs import Part
from mien.types import Doubles, OnStep
from mien.zoo import DETECTOR, EMBEDDER, load

FACES, PEOPLE, RENDERED = 3000, 300, 60  # of UTKFace, of LFW, and rendered
OPTIONS = Options()
SHORT_CAP, TWENTY = list(CAPS)[1], list(CAPS)[2]


@dataclass(frozen=True, slots=True)
class Vectors:
    """Embeddings of our matcher: of faces with attributes, and of people with two pictures."""

    faces: Doubles  # (N, D)
    gender: tuple[str, ...]
    age: tuple[str, ...]
    enrolled: Mapping[str, tuple[tuple[str, ...], Doubles, Doubles]]  # set -> names, two pictures


def _load(data: Path | None, out: Path, on_step: OnStep | None) -> Vectors:
    assert data is not None
    every = LABELS["utkface"](data / "utkface")
    every = [every[k] for k in np.linspace(0, len(every) - 1, FACES).astype(int)]
    faces = _embedded("utkface", [one.path for one in every], out)
    enrolled = {
        "portraits": _twice(_embedded, "taiwan", data / "taiwan", out, 25),
        "LFW": _twice(_embedded, "lfw", data / "lfw_gray", out, PEOPLE),
        "rendered": _rendered(out),
    }
    rows = faces["rows"]
    return Vectors(
        unit(faces["vectors"]),
        tuple(every[row].labels.get("gender", "") for row in rows),
        tuple(_band(every[row].labels["age"]) for row in rows),
        enrolled,
    )


def _band(age: str) -> str:
    return "up to 18" if int(age) <= 18 else "19 to 40" if int(age) <= 40 else "above 40"


def _embedded(name: str, paths: Sequence[Path], out: Path) -> dict[str, np.ndarray]:
    """Vectors of the pictures that show a face, and their rows; kept in the run folder."""

    def make() -> dict[str, np.ndarray]:
        model = load(EMBEDDER)
        subject = Subject("embedder", model, load(DETECTOR))
        cut = read_chips(subject, Samples(name, tuple(paths), {}), model.crop)
        return {"vectors": embedded(model, cut.chips), "rows": cut.rows}

    return kept_arrays(out / f"{name}.npz", digest_of([str(p.name) for p in paths]), make)


def _twice(embed: object, name: str, folder: Path, out: Path, most: int):  # type: ignore[no-untyped-def]
    """Two pictures of each person who has them."""
    by_person: dict[str, list[Path]] = {}
    for path in find_images([folder]):
        who = path.stem[:4] if name == "taiwan" else path.stem.rsplit("_", 1)[0]
        by_person.setdefault(who, []).append(path)
    people = [who for who in sorted(by_person) if len(by_person[who]) > 1][:most]
    paths = [path for who in people for path in by_person[who][:2]]
    found = _embedded(name, paths, out)
    at = {
        int(row): unit(v[None])[0] for row, v in zip(found["rows"], found["vectors"], strict=True)
    }
    both = [k for k in range(len(people)) if 2 * k in at and 2 * k + 1 in at]
    first, second = (np.stack([at[2 * k + side] for k in both]) for side in (0, 1))
    return tuple(people[k] for k in both), first, second


def _rendered(out: Path) -> tuple[tuple[str, ...], Doubles, Doubles]:
    def make() -> dict[str, np.ndarray]:
        one = rendered_people(load(EMBEDDER), RENDERED, 0)
        return {"first": one.first, "second": one.second}

    people = Path(__file__).with_name("people.py")
    kept = rendered(make, out / "rendered.npz", RENDERED, people, load(EMBEDDER).digest)
    return tuple(f"rendered {k}" for k in range(RENDERED)), kept["first"], kept["second"]


def _run(settings: tuple[str, str, Options], seed: int, vectors: Vectors) -> dict[str, float]:
    """One attribute and one set of enrolled people; each seed splits the faces differently."""
    attribute, enrolled, options = settings
    words = np.array(getattr(vectors, attribute))
    known = words != ""
    names = np.array([f"face {k}" for k in range(len(words))])
    found = measure(
        vectors.faces[known], words[known], names[known],
        Enrolled(*vectors.enrolled[enrolled]), options, seed,
    )  # fmt: skip
    return figures(found, options)


def figures(found: Found, options: Options) -> dict[str, float]:
    """The figures of one run by name."""
    arms: Arms = found.sweep[options.dimensions]
    given = {
        "threshold": found.threshold,
        "probe": min(value.accuracy for value in found.values),
        "matches": arms.small.share("score").value,
        "kept": arms.small.share("kept").value,
        "second": arms.small.share("second").value,
        "great": arms.great.share("kept").value,
        "null": arms.cap.share("score").value,
        "null kept": arms.cap.share("kept").value,
        "random": arms.random.share("score").value,
        "random cosine": arms.random.mean or 0.0,
        "apart": abs((arms.random.mean or 0.0) - np.sqrt(options.dimensions / 128)),
        "consistent": found.consistent.share("kept").value,
    }
    for name, trials in found.by_answer.items():
        given[f"{name}: matches"] = trials.share("score").value
        given[f"{name}: kept"] = trials.share("kept").value
    return given


def _answers(found: Figures) -> Figures:
    """One row for each answer of the matcher, over all arms of a seed."""
    return {
        name: [
            {key: float(np.mean([found[arm][seed][f"{name}: {key}"] for arm in found]))
             for key in ("matches", "kept")}
            for seed in range(len(next(iter(found.values()))))
        ]
        for name in ANSWERS
    }  # fmt: skip


ARMS = {
    f"{attribute}, {enrolled}": (attribute, enrolled, OPTIONS)
    for enrolled in ("portraits", "LFW", "rendered")
    for attribute in ("gender", "age")
}
FIRST = "gender, LFW"
GEOMETRY = (
    Criterion("k = 20: matches at least 0.7", of(FIRST, "matches"), least=0.7, digits=2),
    Criterion("k = 20: matches and keeps at least 0.5", of(FIRST, "kept"), least=0.5, digits=2),
    Criterion("random 20-d subspace matches at most 0.05", of(FIRST, "random"), most=0.05,
              digits=2),
    Criterion("its cosine is within 0.03 of sqrt(k / D)", of(FIRST, "apart"), most=0.03),
    Criterion("great subsphere keeps it 0.15 less",
              lambda found: [one["kept"] - one["great"] for one in found[FIRST]], least=0.15,
              digits=2),
    Criterion("the attribute is read: balanced accuracy 0.8", of(FIRST, "probe"), least=0.8,
              digits=2),
)  # fmt: skip


def _of_answer(name: str, key: str):  # type: ignore[no-untyped-def]
    return of(FIRST, f"{name}: {key}")


SCORES = (
    Criterion("100 scores: matches and keeps at least 0.65", _of_answer(ANSWERS[0], "kept"),
              least=0.65, digits=2),
    Criterion("rounding to 0.1 changes matches by less than 0.1",
              lambda found: [abs(one[f"{ANSWERS[0]}: matches"]
                                 - one[f"{list(ROUNDED)[2]}: matches"]) for one in found[FIRST]],
              most=0.1, digits=2),
    Criterion("10 probes: matches at most 0.1", _of_answer(SHORT_CAP, "matches"), most=0.1,
              digits=2),
    Criterion("20 probes, as in mien serve: matches at most 0.1", _of_answer(TWENTY, "matches"),
              most=0.1, digits=2),
    Criterion("decisions only: matches at most 0.05", _of_answer(ANSWERS[-3], "matches"),
              most=0.05, digits=2),
    Criterion("a stolen protected store without the key: matches at most 0.05",
              _of_answer(ANSWERS[-1], "matches"), most=0.05, digits=2),
)  # fmt: skip


def _quick(settings: tuple[str, str, Options]) -> tuple[str, str, Options]:
    return settings[0], settings[1], replace(settings[2], probes=50)


PARTS = (
    Part(
        name="geometry",
        title="Attribute of UTKFace, enrolled people; 5 splits of the faces",
        arms=ARMS,
        run=_run,
        shown={"matches": "Matches", "kept": "Keeps it", "second": "Second picture",
               "great": "Great: keeps it", "null": "Null: matches", "null kept": "Null: keeps it",
               "random": "Random: matches"},
        criteria=GEOMETRY,
        load=_load,
        needs="UTKFace, the Taiwanese portraits and LFW",
        quick=_quick,
        digits=2,
    ),
    Part(
        name="scores",
        title="Answer of the matcher to 100 fixed pictures; mean of the rows above",
        arms=ARMS,
        run=_run,
        rows=_answers,
        shown={"matches": "Matches", "kept": "Keeps it"},
        criteria=SCORES,
        load=_load,
        needs="UTKFace, the Taiwanese portraits and LFW",
        quick=_quick,
        digits=2,
    ),
)  # fmt: skip
