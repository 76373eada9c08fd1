"""Audit how well people are recognised in film stills, and how much a random split flatters.

Stills of one scene share light, costume and background. If they fall on both sides of a split, a
recogniser is rewarded for the scene. So each film is left out once, and the random split of the
paper stands beside it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mien.audit import counted, read_chips
from mien.contracts import Embedder, Samples, Scope, Subject, silent
from mien.errors import MienError, TooFewTrialsError
from mien.media import read_image
from mien.metrics import Clusters, Estimate
from mien.metrics.findings import Cell, Fact, Findings, Table, graded
from mien.systems.actor_stills.features import scene_features
from mien.systems.actor_stills.protocols import (
    Answered,
    era_folds,
    film_folds,
    nearest_person,
    random_folds,
    strangers_rejected,
)
from mien.types import Device, Floats, OnStep

REJECTED = 0.05  # share of known people that the threshold of the open set rejects
LIMITS = (0.02, 0.05, 0.10)  # what a random split adds, from which the risk is low, medium, high
FILM_LABEL = "film"
RANDOM, FILM, ERA = "random split", "leave one film out", "earlier to later years"


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of `mien audit actor-stills --set KEY=VALUE`."""

    by: str = ""  # label whose values are left out one by one; default: film, else the first one
    least: int = 5  # stills that a person needs; others are left out, and named


@dataclass(frozen=True, slots=True, eq=False)
class Stills:
    """Stills of people who have enough of them."""

    actors: tuple[str, ...]
    films: tuple[str, ...]
    years: tuple[str, ...]  # "": not known
    face: Floats  # (N, D)
    scene: Floats  # (N, 640)


class ActorStills:
    """README.md beside this file is its card."""

    needs = frozenset({"embedder"})
    options = Options

    def __init__(self, *, name: str, digest: str = "", device: str = "cpu") -> None:
        self.name, self.digest, self.device = name, digest, Device(device, "NumPy", 1)

    def __call__(
        self,
        subject: Subject,
        data: Samples,
        scope: Scope,
        options: Options,
        /,
        on_step: OnStep = silent,
    ) -> Findings:
        """Recognise people in stills by the nearest mean, under three protocols.

        Raises:
            MienError: the label of the films is missing.
            TooFewTrialsError: nobody is named, fewer than two people have enough stills, or nobody
                is in two films.
        """
        options = replace(options, by=_group(data, options.by))
        asked, model = counted(subject, scope)
        stills, warnings = _read(asked, model, data, options, on_step)
        folds = {
            FILM: film_folds(stills.actors, stills.films),
            RANDOM: random_folds(stills.actors, scope.seed),
            ERA: era_folds(stills.actors, stills.years),
        }
        if not folds[FILM]:
            raise TooFewTrialsError(
                f"Nobody is in two of the groups that '{options.by}' names, so no {options.by} can "
                "be left out; add stills of the same people from others."
            )
        found = {
            (name, kind): nearest_person(vectors, stills.actors, folds[name])
            for name in folds
            if folds[name]
            for kind, vectors in (("face", stills.face), ("scene", stills.scene))
        }
        on_step("protocols", 1, 1)
        return _findings(subject, data, scope, options, stills, found, warnings)


def _group(data: Samples, by: str) -> str:
    """The label whose values are left out."""
    if not data.people or not data.labels:
        raise TooFewTrialsError(
            "The stills name no people or no films; use a layout that does: --layout stills."
        )
    if by and by not in data.labels:
        raise MienError(
            f"Label '{by}' is missing: the data have the labels {', '.join(data.labels)}. Choose "
            "one with --set by=LABEL."
        )
    return by or (FILM_LABEL if FILM_LABEL in data.labels else next(iter(data.labels)))


def _read(
    subject: Subject, model: Embedder, data: Samples, options: Options, on_step: OnStep
) -> tuple[Stills, list[str]]:
    """The vectors of faces and of whole stills, without people who have too few."""
    cut = read_chips(subject, data, model.crop, on_step)
    warnings = []
    if lost := len(data.pictures) - len(cut.rows):
        warnings.append(f"{lost} of {len(data.pictures)} stills show no face and are left out.")
    years = data.labels.get("year", ("",) * len(data.pictures))
    films = data.labels[options.by]
    counts = Counter(data.people[row] for row in cut.rows if data.people[row] and films[row])
    enough = {name for name, count in counts.items() if count >= options.least}
    rare = sorted(set(counts) - enough)
    if rare:
        shown = ", ".join(rare[:5]) + (", ..." if len(rare) > 5 else "")
        warnings.append(
            f"{len(rare)} people have fewer than {options.least} stills and are left out: {shown}."
        )
    keep = [
        k for k, row in enumerate(cut.rows.tolist()) if data.people[row] in enough and films[row]
    ]
    if len(enough) < 2:
        raise TooFewTrialsError(
            f"{len(enough)} people have {options.least} stills or more; two are needed. Add "
            "stills, or lower --set least."
        )
    rows = cut.rows[keep].tolist()
    scenes = np.stack([scene_features(read_image(data.pictures[row])) for row in rows])
    return (
        Stills(
            tuple(data.people[row] for row in rows),
            tuple(films[row] for row in rows),
            tuple(years[row] for row in rows),
            np.asarray(model(cut.chips[keep]), np.float32),
            scenes,
        ),
        warnings,
    )


def _findings(
    subject: Subject,
    data: Samples,
    scope: Scope,
    options: Options,
    stills: Stills,
    found: dict[tuple[str, str], Answered],
    warnings: list[str],
) -> Findings:
    film, mixed = found[FILM, "face"], found[RANDOM, "face"]
    flattery = _gap(film, mixed, stills.actors)
    open_set = Clusters([stills.actors[row] for row in film.rows]).share(
        strangers_rejected(film, stills.actors, REJECTED)
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (protocol, kind, len(one.rows), _share(one, stills.actors))
        for (protocol, kind), one in found.items()
    )
    unseen = len(set(stills.actors)) - len({stills.actors[row] for row in film.rows})
    if unseen:
        warnings.append(f"{unseen} people are in one {options.by} only; that is not tested.")
    return Findings(
        "People in stills: leave one film out, and what a random split adds",
        f"{len(stills.actors)} stills of {len(set(stills.actors))} people in "
        f"{len(set(stills.films))} groups by '{options.by}', {data.name}. The nearest mean of a "
        "person's training stills decides.",
        (
            Fact("right, leave one film out", _share(film, stills.actors), "rate",
                 "of faces, nearest of all people"),
            Fact("right, random split", _share(mixed, stills.actors), "rate",
                 "the paper's protocol, for comparison only"),
            Fact("what the random split adds", flattery, "rate", "near 0: the split does not leak"),
            Fact("strangers rejected", open_set, "rate",
                 f"where {REJECTED:.0%} of known people are rejected"),
        ),
        (
            Table("Right answers", (("Protocol", "text"), ("Features", "text"),
                  ("Stills tested", "count"), ("Right", "rate")), rows,
                  "'scene' are colours and gradients of the whole still: no face is searched."),
        ),
        warnings=tuple(warnings),
        notes=("Intervals count people.",),
        basis=(("Read by", subject.label), ("Data", data.name),
               ("Purpose", scope.purpose or "not stated")),
        risk=graded(flattery, LIMITS, "What the random split adds"),
    )  # fmt: skip


def _share(one: Answered, actors: Sequence[str]) -> Estimate:
    return Clusters([actors[row] for row in one.rows]).share(one.right)


def _gap(film: Answered, mixed: Answered, actors: Sequence[str]) -> Estimate:
    """By how much more is right under the random split, on the stills that both test."""
    right = dict(zip(mixed.rows.tolist(), mixed.right.tolist(), strict=True))
    more = [
        right[row] - float(hit) for row, hit in zip(film.rows.tolist(), film.right, strict=True)
    ]
    return Clusters([actors[row] for row in film.rows]).mean(more)
