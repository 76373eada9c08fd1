"""The contracts of the seven kinds of model; a card names one as its `kind`.

No base classes: a class fulfils a contract by its methods. `mien.testing.check` tests it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any, Literal, Protocol

from mien.errors import MienError
from mien.metrics.findings import Findings
from mien.metrics.trials import Trials
from mien.types import Clip, Crop, Device, Face, Floats, Mesh, OnStep, Pixels, Reading, Sound

ArtefactKind = Literal["image", "film", "sound", "mesh"]
Change = Literal["synthetic", "edited", "restored"]  # the label that a result must carry
SubjectKind = Literal["detector", "embedder", "chip-head", "clip-head"]


def silent(name: str, done: int, total: int) -> None:
    """Ignore progress; the default of `on_step`."""


class Model(Protocol):
    """The attributes of every model."""

    name: str  # the card it was opened from
    digest: str  # which weights these are; "": not from a card
    device: Device  # what it runs on


class Detector(Model, Protocol):
    """Map one (H, W, 3) image to its faces, highest score first."""

    def __call__(self, image: Pixels, /) -> list[Face]: ...


class Landmarker(Model, Protocol):
    """Map (N, S, S, 3) chips to (N, L, 3) chip px and (N, L) presence in [0, 1]."""

    crop: Crop

    def __call__(self, chips: Pixels, /) -> tuple[Floats, Floats]: ...


class Embedder(Model, Protocol):
    """Map (N, S, S, 3) chips to (N, D) unit vectors."""

    contract: str  # id of model, preprocessing and dimension; vectors of two ids are never compared
    crop: Crop  # how its chips must be cut

    def __call__(self, chips: Pixels, /) -> Floats: ...


class ChipHead(Model, Protocol):
    """Map (N, S, S, 3) chips of unrelated faces to N readings."""

    crop: Crop

    def __call__(self, chips: Pixels, /) -> list[Reading]: ...


class ClipHead(Model, Protocol):
    """Map one person over time to readings; each may have a span in seconds.

    A clip that cannot be read (too short, no face, no sound) gets a reading without values whose
    text says why, or no reading at all. A head that needs chips has a `crop` as well.
    """

    needs: frozenset[str]  # of mien.types.PARTS

    def __call__(self, clip: Clip, /) -> list[Reading]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Artefact:
    """One input or result of a maker: an image, a film, sound or a mesh.

    A film as input is a path for mien.media.open_film. A film as result is
    its frames, which may be a generator that is read once.
    """

    kind: ArtefactKind
    image: Pixels | None = None  # (H, W, 3)
    path: Path | None = None  # of a film
    frames: Iterable[tuple[float, Pixels]] | None = None  # seconds, rising, and (H, W, 3)
    sound: Sound | None = None
    mesh: Mesh | None = None
    name: str = ""  # taken: the file; given: a word that distinguishes several results
    sha256: str = ""  # of the file it was read from; "": none

    def __post_init__(self) -> None:
        parts = {"image": (self.image,), "film": (self.path, self.frames),
                 "sound": (self.sound,), "mesh": (self.mesh,)}  # fmt: skip
        if all(part is None for part in parts[self.kind]):
            raise MienError(f"Artefact '{self.name}' is a {self.kind} without content; add it.")


@dataclass(frozen=True, slots=True)
class Provenance:
    """The origin of a result: maker, inputs, weights and settings. Every file stores it."""

    maker: str  # card
    digest: str  # of the card
    change: Change
    made_from: tuple[tuple[str, str], ...]  # name and SHA-256 of each input
    weights: tuple[str, ...]  # "card@digest" of each model that took part
    options: tuple[tuple[str, str], ...]  # name and value of each setting
    seed: int | None = None  # None: nothing is random


def option_pairs(options: Any) -> tuple[tuple[str, str], ...]:
    """Return the name and value of each setting of a dataclass, as Provenance states them."""
    return tuple((f.name, str(getattr(options, f.name))) for f in fields(options))


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """The results of one run of a maker."""

    artefacts: tuple[Artefact, ...]  # at least one; if several, each has a `name` of its own
    provenance: Provenance
    notes: tuple[str, ...] = ()  # what the user should know about the result


class Maker(Model, Protocol):
    """Map inputs and options to images, meshes or sound. The seed fixes the result.

    `on_step` may raise mien.errors.CancelledError; a maker lets it pass.
    """

    needs: tuple[str, ...]  # its inputs in order: a kind of artefact, or "image-2" for a second
    options: type[Any]  # a flat frozen dataclass; every field has a default; `seed` if random

    def __call__(
        self, inputs: Mapping[str, Artefact], options: Any, /, on_step: OnStep = silent
    ) -> Made: ...


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """The model that an audit examines. It runs in this process, never at an address."""

    kind: SubjectKind
    model: Detector | Embedder | ChipHead | ClipHead
    detector: Detector | None = None  # finds the faces; None: pictures are cut to the face already

    @property
    def label(self) -> str:
        """Return card and digest."""
        model = self.model
        return f"{model.name}@{model.digest}" if model.digest else model.name


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Labelled data of an audit: one row per image.

    mien.metrics.Trials holds comparisons that were scored before; they may come along.
    """

    name: str  # which data these are, in a few words
    pictures: tuple[Path | Pixels, ...]  # for mien.media.read_image, which takes both
    labels: Mapping[str, tuple[str, ...]]  # task -> (N,) labels; "": not labelled
    people: tuple[str, ...] = ()  # (N,) who is shown, "": not known; (): nobody is known
    comparisons: Trials | None = None

    def __post_init__(self) -> None:
        columns = {**self.labels, **({"people": self.people} if self.people else {})}
        for name, column in columns.items():
            if len(column) != len(self.pictures):
                raise MienError(
                    f"'{name}' has {len(column)} rows, but there are {len(self.pictures)} "
                    "pictures; give one row per picture."
                )


@dataclass(frozen=True, slots=True)
class Consent:
    """The consent that an audit rests on, from its manifest."""

    given_by: str  # who agreed
    purpose: str  # to what, in a sentence
    expires: date  # the last day on which it holds
    models: tuple[str, ...] = ()  # names of subjects; (): any


@dataclass(frozen=True, slots=True)
class Scope:
    """The permitted extent of an audit: agreed beforehand, and part of its findings."""

    purpose: str = ""  # why it is done, in a sentence
    queries: int | None = None  # pictures the subject may be shown at most; None: no limit
    seed: int = 0
    consent: Consent | None = None  # None: the audit needs none
    ledger: Path | None = None  # file to which each query is appended; None: they are only counted


class Audit(Model, Protocol):
    """Map a model and labelled data to findings with intervals.

    Refuses too little data by mien.errors.TooFewTrialsError. `on_step` may raise
    mien.errors.CancelledError; an audit lets it pass.
    """

    needs: frozenset[str]  # kinds of subject that it can examine
    options: type[Any]  # a flat frozen dataclass; every field has a default

    def __call__(
        self,
        subject: Subject,
        data: Samples,
        scope: Scope,
        options: Any,
        /,
        on_step: OnStep = silent,
    ) -> Findings: ...
