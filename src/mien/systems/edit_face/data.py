"""Training sets in which dark skin is rare, and faces with attributes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.datasets import LABELS, Labelled
from mien.errors import OptionError, TrainingError
from mien.evaluate.fairness.labelled_faces import near_duplicates
from mien.media.skin import cheeks, has_tone, toned
from mien.metrics import tone_angle
from mien.systems.edit_face.attributes import READ, Attribute
from mien.train.identity import recut
from mien.train.kept import digest_of, kept_arrays
from mien.train.pictures import read_pictures
from mien.train.splits import group_ids, held_out
from mien.train.tones import DARK, LARGE, NEAR, TEST, TonedFaces
from mien.types import Doubles, OnStep, Pixels
from mien.zoo import load

SIDE = 32  # px of the classifier
FEWEST = 20  # faces with and without an attribute
Edit = Callable[[Pixels, float], Pixels]


def training_set(faces: TonedFaces, count: int, share: float, seed: int) -> TonedFaces:
    """Draw faces, half of them women, with a share of dark skin."""
    rng = np.random.default_rng([seed, 251])
    rows = []
    for gender in (0, 1):
        for dark, part in ((True, share), (False, 1 - share)):
            able = np.flatnonzero((faces.gender == gender) & (faces.dark == dark))
            rows.append(rng.choice(able, round(count / 2 * part), replace=False))
    return faces.rows(np.concatenate(rows))


def edited(
    faces: TonedFaces, seed: int, *, darker: bool = True, edit: Edit = toned
) -> tuple[TonedFaces, float]:
    """Other faces in dark skin, as many as make both tones equal; and the share that succeeded.

    Args:
        faces: a training set; its faces in light skin are the sources.
        seed: of the order and of the tones.
        darker: False: a broken editor, which makes skin lighter instead.
        edit: maps a face and an angle to the edited face.
    """
    rng = np.random.default_rng([seed, 257])
    sources = rng.permutation(np.flatnonzero(~faces.dark))
    missing = len(sources) - int(faces.dark.sum())
    images, rows, tried = [], [], 0
    for row in sources[:missing]:
        wanted = rng.uniform(-29, DARK - 1) if darker else rng.uniform(45, 68)
        made = edit(faces.images[row], float(wanted))
        tried += 1
        if not darker or tone_angle(cheeks(made)) <= DARK:  # the gate; a broken editor has none
            images.append(made)
            rows.append(row)
    some = faces.rows(np.array(rows, np.int64))
    angles = np.array([tone_angle(cheeks(image)) for image in images])
    made_faces = TonedFaces(np.stack(images), angles, some.gender, some.age, some.race)
    return made_faces, len(rows) / tried


def joined(*parts: TonedFaces) -> TonedFaces:
    """All rows of several parts."""
    return TonedFaces(
        *(np.concatenate([getattr(p, n) for p in parts]) for n in TonedFaces.__slots__)
    )


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Faces of all ages with attributes: what an editor learns from."""

    images: Pixels  # (N, 128, 128, 3), cut as UTKFace cuts
    angle: Doubles  # (N,) ITA of the cheeks, degrees
    has: NDArray[np.bool_]  # (N, K)

    def rows(self, keep: NDArray[np.int64]) -> "Examples":
        """Those rows."""
        return Examples(self.images[keep], self.angle[keep], self.has[keep])


def examples(
    data: Path,
    out: Path,
    attributes: Sequence[Attribute],
    layout: str = "utkface",
    on_step: OnStep | None = None,
) -> tuple[Examples, Examples]:
    """Training and test part of a set; near-duplicates and a person's images are on one side.

    Faces in grey and faces that lack a label are left out. The column `expression` is read by the
    expression head where the set does not label it.

    Args:
        data: folder of the set, with faces cut as UTKFace cuts them.
        out: run folder, which keeps the faces.
        attributes: K rules.
        layout: of the set, see mien.datasets.
        on_step: progress.

    Raises:
        OptionError: an unknown layout, or a column that the set lacks.
        TrainingError: fewer than 20 faces with or without an attribute.
    """
    if layout not in LABELS:
        raise OptionError(f"Layout '{layout}' is unknown: expected one of {', '.join(LABELS)}.")
    records = LABELS[layout](data)
    known = {name for one in records for name in one.labels} | {READ}
    if strange := [one for one in attributes if one.column not in known]:
        raise OptionError(
            f"The set has no label '{strange[0].column}' for the attribute '{strange[0].name}'; "
            f"it has {', '.join(sorted(known))}."
        )
    reads = not any(READ in one.labels for one in records) and any(
        one.column == READ for one in attributes
    )

    def make() -> dict[str, NDArray[np.generic]]:
        read = read_pictures(records, LARGE, on_step=on_step)
        place = {id(one): k for k, one in enumerate(records)}
        keep = np.array([k for k, x in enumerate(read.images) if has_tone(x)])
        images = read.images[keep]
        groups = near_duplicates(images, NEAR)
        words = _expressions(images) if reads else np.full(len(images), "")
        return {"images": images, "row": np.array([place[id(read.records[k])] for k in keep]),
                "angle": np.array([tone_angle(cheeks(x)) for x in images]), "group": groups,
                READ: words}  # fmt: skip

    key = digest_of([one.path.name for one in records], LARGE, reads)
    kept = kept_arrays(out / "examples.npz", key, make)
    some = [records[k] for k in kept["row"]]
    if reads:
        some = [replace(one, labels={**one.labels, READ: str(word)})
                for one, word in zip(some, kept[READ], strict=True)]  # fmt: skip
    every = Examples(kept["images"], kept["angle"], np.zeros((len(some), 0), bool))
    return _labelled(every, some, kept["group"].tolist(), attributes)


def _labelled(
    every: Examples, records: Sequence[Labelled], near: Sequence[int],
    attributes: Sequence[Attribute],
) -> tuple[Examples, Examples]:  # fmt: skip
    answers = [[one.of(record.labels) for one in attributes] for record in records]
    known = np.array([k for k, row in enumerate(answers) if None not in row], np.int64)
    has = np.array([answers[k] for k in known], bool).reshape(len(known), len(attributes))
    for one, count in zip(attributes, has.sum(0).tolist(), strict=True):
        if min(count, len(has) - count) < FEWEST:
            raise TrainingError(
                f"{count} of {len(has)} faces are '{one.name}'; {FEWEST} with and {FEWEST} "
                "without are needed. Change the rule, or leave the attribute out."
            )
    groups = group_ids([records[k].person for k in known], [near[k] for k in known])
    some = Examples(every.images[known], every.angle[known], has)
    learn, test = held_out(groups, TEST)
    return some.rows(learn), some.rows(test)


def _expressions(images: Pixels) -> NDArray[np.str_]:
    """(N,) the label that the expression head gives most weight."""
    head = load("expression")
    chips = recut(images, head.crop)
    found = [head.probabilities(chips[k : k + 256]) for k in range(0, len(chips), 256)]
    return np.array([head.classes[k] for k in np.concatenate(found).argmax(1)])
