"""The models that analyse faces, their intervals, and the columns of the table."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mien.body import HandLandmarker
from mien.contracts import ChipHead, ClipHead, Landmarker, Model
from mien.decision import Calibration
from mien.errors import MienError
from mien.film.clips import check_needs, example, timing
from mien.film.readings import card_columns, card_of, reading_columns
from mien.film.scanner import FilmScanner
from mien.gallery import Gallery
from mien.geometry import POINTS
from mien.geometry.poses import FIELD
from mien.landmarks import UNITS
from mien.photo import open_pipeline
from mien.photo.heads import split_heads
from mien.photo.pipeline import Pipeline, describe_model
from mien.tables import Column
from mien.tables.columns import KEYS
from mien.types import Reading
from mien.zoo import DETECTOR, EMBEDDER, CardColumn, cards, load

Dense = Literal["five", "68", "mesh"]
LANDMARKER, HANDS = "attention-mesh", "hand-landmarks"
EVERY = 0.2  # s between two readings of the heads of one face
POSES = ("yaw", "pitch", "roll", "x", "y", "z")
SIGNS = {
    "yaw": "positive to image right, against the camera's axis",
    "pitch": "positive up, against the camera's axis",
    "roll": "positive clockwise on the screen",
    "x": "right of the camera's axis, the point between the eyes",
    "y": "below the camera's axis",
    "z": "away from the camera, for a head of mean size",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Analyzer:
    """The models that analyse faces, opened once for many films and images."""

    pipeline: Pipeline  # detector and chip heads; with an embedder, people are identified
    landmarker: Landmarker  # card attention-mesh
    every: float = EVERY  # s between two readings of the heads of one face; 0: each frame
    points: Dense = "five"
    fov: float = FIELD  # degrees, field of view along the longer side of an image
    hands: HandLandmarker | None = None  # detects hands at faces in films
    clip_heads: Sequence[ClipHead] = ()  # read windows of each track of a film; not used for images
    # Arguments of `open_analyzer` that open the same models elsewhere; None: not made from cards.
    recipe: dict[str, Any] | None = None
    examples: dict[str, Reading] = field(init=False)  # task -> reading of a grey chip or clip

    def __post_init__(self) -> None:
        examples: dict[str, Reading] = {}
        for head in self.pipeline.heads:
            size = head.crop.size
            self._add(examples, head(np.full((1, size, size, 3), 128, np.uint8)))
        for one in self.clip_heads:
            check_needs(one)
            self._add(examples, example(one))
        object.__setattr__(self, "examples", examples)

    @staticmethod
    def _add(examples: dict[str, Reading], readings: Sequence[Reading]) -> None:
        for reading in readings:
            if reading.task in examples:
                raise MienError(
                    f"'{examples[reading.task].model}' and '{reading.model}' both have the task "
                    f"'{reading.task}', but a table has one head per task; name one of them in "
                    "--heads."
                )
            examples[reading.task] = reading

    @property
    def models(self) -> dict[str, str]:
        """Return step -> card, digest, device, threads."""
        hands = {"hands": describe_model(self.hands)} if self.hands else {}
        clips = {head.name: describe_model(head) for head in self.clip_heads}
        mesh = {"landmarks": describe_model(self.landmarker)}
        return {**self.pipeline.models, **mesh, **hands, **clips}

    @property
    def names(self) -> bool:
        """Return whether people are identified: tracks merged, named if there is a gallery."""
        return self.pipeline.embedder is not None

    @property
    def heads(self) -> Sequence[ChipHead]:
        """Return the chip heads of the pipeline."""
        return self.pipeline.heads

    def scanner(self) -> FilmScanner | None:
        """Return the scan stage for one film; None if people are not identified."""
        if self.pipeline.embedder is None:
            return None
        calibration = self.pipeline.calibrated()
        return FilmScanner(self.pipeline.detector, self.pipeline.embedder, calibration)

    def columns(self) -> list[Column]:
        """Return the columns of a row, without those that depend on baselines."""
        mesh = _named(self.landmarker)
        found = list(KEYS)
        found += [Column(f"box_{side}", "px", "boxes", "single", "around the mesh", mesh)
                  for side in ("left", "top", "right", "bottom")]  # fmt: skip
        found += [
            Column(f"{name}_{axis}", "px", "points", "single", "left and right in the image", mesh)
            for name in POINTS
            for axis in "xy"
        ]
        found += [
            Column("eye_distance", "px", "quality", "single", "in the image", mesh),
            Column("sharpness", "share", "quality", "single", "1 minus the blur of Crete et al."),
        ]
        found += [Column(n, unit, _group(n), about=_sign(n), model=mesh)
                  for n, unit in UNITS.items()]  # fmt: skip
        models = {head.name: _named(head) for head in self.heads}
        models |= {head.name: _named(head) for head in self.clip_heads}
        clips = {head.name: head for head in self.clip_heads}
        for task, reading in self.examples.items():
            model = models.get(reading.model, reading.model)
            if reading.model in clips:
                found += self._of_clips(task, reading, model, clips[reading.model])
            else:
                found += self._of_head(task, reading, model)
        if self.points != "five":
            found += [
                Column(f"{axis}_{i}", "px" if axis in "xy" else "mm", "landmarks", "single",
                       "order of iBUG; capitals: camera axes", mesh)
                for axis in "xyXYZ"
                for i in range(68)
            ]  # fmt: skip
        if self.points == "mesh":
            found += [Column(f"mesh_{axis}_{i}", "px", "landmarks", "single", "order of MediaPipe",
                             mesh) for axis in "xyz" for i in range(478)]  # fmt: skip
        return found

    def _of_head(self, task: str, reading: Reading, model: str) -> list[Column]:
        often = f"read every {self.every:g} s in films; not-read between" if self.every else ""
        words = {"_lo": "lower end of the interval", "_hi": "upper end of the interval"}
        declared = card_columns(model)
        units = self._units(task, reading, model)
        return [
            Column(
                name,
                unit,
                task,
                about=_joined(_about(declared.get(name)) or words.get(name[-3:], ""), often),
                model=model,
            )
            for name, unit in units.items()
        ]

    @staticmethod
    def _units(task: str, reading: Reading, model: str) -> dict[str, str]:
        """Return column -> unit of a reading; an undecided head leaves some of the card's out."""
        card = card_of(model)
        tasks = {task, *(one.task for one in reading.derived)}
        declared = card.columns if card else ()
        found = {c.name: c.unit for c in declared if card and (c.task or card.task) in tasks}
        return found | {name: unit for name, (_, unit) in reading_columns(reading).items()}

    def _of_clips(self, task: str, reading: Reading, model: str, head: ClipHead) -> list[Column]:
        window, hop, _ = timing(head)
        stem, declared = task.replace("-", "_"), card_columns(model)
        often = f"of the last {window:g} s of a track, every {hop:g} s; not-read between"
        found = [
            Column(name, unit, task, about=_joined(_about(declared.get(name)), often), model=model)
            for name, unit in self._units(task, reading, model).items()
        ]
        ends = (("start", "first"), ("end", "last"))
        return found + [
            Column(f"{stem}_{end}", "s", task, about=f"time of the {which} frame read", model=model)
            for end, which in ends
        ]


def _about(column: CardColumn | None) -> str:
    return column.about if column else ""


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


def open_analyzer(
    *,
    heads: str | None = None,
    every: float = EVERY,
    points: Dense = "five",
    fov: float = FIELD,
    hands: bool = False,
    detector: str = DETECTOR,
    landmarker: str = LANDMARKER,
    gallery: Gallery | None = None,
    people: bool = False,
    embedder: str = EMBEDDER,
    calibration: Calibration | Path | None = None,
    device: str = "cpu",
    commercial_only: bool = False,
    cluster: str | None = None,
) -> Analyzer:
    """Open the models for the analysis by the names of their cards.

    Args:
        heads: chip heads and clip heads, separated by commas; None: those whose card says
            `default`, clip heads for films only; "none": none.
        every: seconds between two readings of the heads of one face; 0: every frame.
        points: "five", "68" (of iBUG, also in space), or "mesh" (478 and those).
        fov: degrees, field of view along the longer side of an image.
        hands: detect hands at faces in films, card hand-landmarks.
        detector: card of the detector.
        landmarker: card of the landmarker.
        gallery: known people.
        people: identify people also without a gallery, as `unknown-1`, `unknown-2`.
        embedder: card of the embedder of the gallery; unused without `gallery` and `people`.
        calibration: see open_pipeline.
        device: "cpu", "cuda", ...; an unavailable device is an error.
        commercial_only: refuse weights whose licence does not permit commercial use.
        cluster: Ray cluster that measures films and images: HOST:PORT of its head, or "local".

    Raises:
        UnknownModelError: the card does not exist, or has another kind.
    """
    named = people or gallery is not None
    chips, clips = split_heads(heads, commercial_only)
    pipeline = open_pipeline(
        detector=detector,
        embedder=embedder if named else None,
        gallery=gallery,
        device=device,
        commercial_only=commercial_only,
        calibration=calibration,
        heads=",".join(chips) or "none",
        threads=1,  # a search is a dozen small calls: two threads cost a quarter more for each
        cluster=cluster,
    )
    mesh = load(landmarker, device=device, commercial_only=commercial_only)
    model = load(HANDS, device=device, commercial_only=commercial_only) if hands else None
    return Analyzer(
        pipeline=pipeline,
        landmarker=mesh,
        every=every,
        points=points,
        fov=fov,
        hands=model,
        clip_heads=[load(n, device=device, commercial_only=commercial_only) for n in clips],
        recipe={
            **{"heads": heads, "every": every, "points": points, "fov": fov, "hands": hands},
            **{"detector": detector, "landmarker": landmarker, "embedder": embedder},
            **{"people": named, "device": device, "commercial_only": commercial_only},
        },
    )


def without_default_clips(analyzer: Analyzer) -> Analyzer:
    """The analyzer of photos: without the clip heads that are enabled by default for films."""
    kept = [head for head in analyzer.clip_heads if not _is_default(head.name)]
    return replace(analyzer, clip_heads=kept)


def _is_default(model: str) -> bool:
    card = card_of(model)
    return card is not None and card.default


def licences(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the licences of models: card -> licence, commercial, digest."""
    known = cards()
    return {
        name: {
            "licence": known[name].licence,
            "commercial": known[name].commercial,
            "digest": known[name].digest,
            "sha256": [file.sha256 for file in known[name].fetched],
        }
        for name in names
        if name in known
    }


def _named(model: Model) -> str:
    return f"{model.name}{'@' + model.digest if model.digest else ''}"


def _group(name: str) -> str:
    if name in POSES:
        return "poses"
    return "gazes" if name.startswith("gaze_") else "measures"


def _sign(name: str) -> str:
    if name in SIGNS:
        return SIGNS[name]
    if name.startswith("gaze_"):
        sign = "positive to image right" if "yaw" in name else "positive up"
        return f"{sign}, against the camera's axis; not-read for a closed eye"
    return "of the head rotated to the camera"
