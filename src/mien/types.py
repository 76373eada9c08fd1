"""The records that the steps of mien exchange. `Face` and `Answer` hold no pixels.

Lengths are pixels of the upright source image: origin top left, x right, y down.
None means "not computed", never "no".
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Pixels = NDArray[np.uint8]  # (H, W, 3) or (N, H, W, 3), RGB, upright
Points = tuple[tuple[float, float], ...]
OnStep = Callable[[str, int, int], None]  # what is counted, done, in all (0: not known)
Outcome = Literal["match", "review", "unknown"]

# Where the five points go in a chip of side 1. Source: the 112 px template published with
# ArcFace (arXiv:1801.07698, insightface `arcface_dst`). Order: mien.geometry.POINTS.
ARCFACE_POINTS: Points = (
    (38.2946 / 112, 51.6963 / 112),
    (73.5318 / 112, 51.5014 / 112),
    (56.0252 / 112, 71.7366 / 112),
    (41.5493 / 112, 92.3655 / 112),
    (70.7299 / 112, 92.2041 / 112),
)


@dataclass(frozen=True, slots=True)
class Device:
    """The processor that a model runs on; part of every answer."""

    name: str  # as users type it: "cpu", "cuda", ...
    provider: str  # "CPUExecutionProvider", "LiteRT XNNPACK", "NumPy", ...
    threads: int


@dataclass(frozen=True, slots=True)
class Crop:
    """The size and framing of the chips that a model expects."""

    size: int = 112  # px, square
    zoom: float = 1.0  # 1 = the framing of `points`; 0.5 = twice as much around the face
    points: Points = ARCFACE_POINTS  # where the five points land, as a share of the side


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One output of one head for one face."""

    task: str  # "smile", "age", "spoof"
    values: dict[str, float]  # label -> number; empty if the answer is below
    unit: str  # "probability", "degree", "year", "FACS 0-5"
    model: str  # card that gave the answer
    low: dict[str, float] | None = None  # calibrated interval, lower end
    high: dict[str, float] | None = None  # calibrated interval, upper end
    array: Floats | None = None  # dense answers: landmarks, coefficients
    text: str | None = None  # words read from the lips; or why there are no values
    span: tuple[float, float] | None = None  # seconds, if it describes a time span
    derived: tuple["Reading", ...] = ()  # follows from this one by a stated rule, not measured


@dataclass(frozen=True, slots=True)
class Quality:
    """The usability of a face for recognition, per quality component."""

    components: dict[str, float]  # name of ISO/IEC 29794-5 -> 0 (worst) to 100 (best)
    measures: dict[str, float]  # the same names -> native measure (px, degrees, shares, ...)
    advice: tuple[str, ...] = ()  # what to fix, worst first; empty if nothing


@dataclass(frozen=True, slots=True)
class Basis:
    """The origin of a threshold: calibration, rate and interval."""

    calibration: str  # name of the calibration: embedder, data, split
    contract: str  # id of the model, its preprocessing and dimension
    threshold: float  # score that must be exceeded
    low: float  # 95 % interval of the score that has this rate, lower end
    high: float  # the same, upper end
    fmr: float  # false match rate of one comparison that is permitted
    fpir: float | None = None  # false positive identification rate asked for, if a search
    people: int | None = None  # people in the gallery that was searched, if a search
    extrapolated: bool = False  # the rate is rarer than the data show: a model of the tail
    data: str = ""  # for whom the rate was measured: the images, in one sentence
    recall: float | None = None  # of an approximate search: lower end of its 95 % interval


@dataclass(frozen=True, slots=True)
class Candidate:
    """One person of a gallery who is similar to the probe."""

    person: str  # the name
    similarity: float  # cosine of the person's best template, in [-1, 1]
    template: int  # number of that template in the gallery
    source: str | None = None  # picture that the template was taken from
    score: float | None = None  # -log10 of the share of strangers as similar; None: not computed
    vector: Floats | None = field(default=None, repr=False, compare=False)  # (D,) of the template


@dataclass(frozen=True, slots=True)
class Liveness:
    """Whether a face is live, as one head scores it at one operating point."""

    outcome: Literal["live", "attack", "no-response"]
    model: str  # card and digest of the head that answered
    point: str  # name of the operating point, such as "bpcer5"
    threshold: float  # score that a live face must exceed
    score: float | None = None  # probability that it is live; None: no response
    reason: str | None = None  # why there is no response: a code of mien.liveness.check.REASONS
    frames: int = 1  # that were checked
    modalities: tuple[str, ...] = ("rgb",)  # that the score rests on: rgb, depth, infrared
    ignored: tuple[str, ...] = ()  # codes of mien.liveness.check.IGNORED: what could not be used
    signs: tuple[str, ...] = ()  # of an attack in the motion: codes of mien.liveness.motion.SIGNS


@dataclass(frozen=True, slots=True)
class Decision:
    """The result of a search or of a 1:1 comparison, with its reason."""

    outcome: Outcome
    person: str | None  # the name if the outcome is "match"; None in a 1:1 comparison
    similarity: float | None  # cosine to the best candidate, in [-1, 1]; None if there was none
    probability: float | None  # that the best candidate is the same person, at `prior`
    prior: (
        float  # probability assumed before the comparison: same person, or somebody in the gallery
    )
    reason: str  # one sentence
    basis: Basis | None = None
    margin: float | None = None  # score of the best person minus that of the second
    candidates: tuple[Candidate, ...] = ()  # best people first
    score: float | None = None  # -log10 of the share of strangers who are as similar
    code: str | None = None  # why a match is for review: "liveness-attack", ...; None: by score
    liveness: Liveness | None = None  # 1:1: of the probe; None: not checked, or with each face
    trial: "Decision | None" = None  # by the new model that the gallery tries; it has no effect

    @property
    def likely(self) -> str | None:
        """Return the name of a match, or of the best candidate of a review; None otherwise."""
        if self.outcome == "review" and self.candidates:
            return self.candidates[0].person
        return None if self.outcome == "unknown" else self.person


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face in one image; each step of the pipeline adds to it."""

    box: Floats  # (4,) left, top, right, bottom
    score: float  # detector confidence in [0, 1]
    points: Floats | None = None  # (5, 2) in the order of mien.geometry.POINTS
    detector: str | None = None  # card that found it
    time: float | None = None  # seconds from the start of the video
    quality: Quality | None = None
    embedding: Floats | None = None  # (D,) unit length
    embedder: str | None = None  # contract id of the embedding; galleries check it
    readings: tuple[Reading, ...] = ()
    track: int | None = None  # same number = same face, followed without a cut
    decision: Decision | None = None
    occluded: tuple[str, ...] = ()  # covered by a mask or dark glasses, if quality was assessed
    liveness: Liveness | None = None  # None: not checked


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """The faces of one image, with the models that found them."""

    faces: tuple[Face, ...]  # most confident first; empty: see `reason`
    size: tuple[int, int]  # height, width of the upright image
    turned: int = 0  # degrees clockwise the image was turned by before a face was found
    padded: bool = False  # faces were found only with room added around the image
    reason: str | None = None  # why there is no face: a code of mien.detect.REASONS
    models: dict[str, str] = field(default_factory=dict)  # step -> card, digest, device, threads
    seconds: dict[str, float] = field(default_factory=dict)  # step -> time it took
    brightened: bool = False  # faces were found only after the image was brightened
    smallest: float | None = None  # px: smaller faces were not searched for; None: not known
    images: int = 1  # of the file; only the first one was searched


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Values with their own times, such as those of a second camera or a slower model."""

    times: Doubles  # (K,) seconds, rising, on the clock of the film
    values: NDArray[np.generic]  # (K, ...)


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """Sound of one channel."""

    samples: Floats  # (K,) in [-1, 1]
    rate: int  # samples per second
    start: float = 0.0  # seconds, time of the first sample on the clock of the film


@dataclass(frozen=True, slots=True)
class Words:
    """Spoken or written words of one time span."""

    text: str
    start: float  # seconds
    end: float  # seconds, not before `start`
    speaker: str = ""  # "": not known


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """A surface of triangles."""

    points: Floats  # (V, 3) mm: x to image right, y up, z to the camera
    triangles: NDArray[np.int64]  # (F, 3) rows of `points`, counter-clockwise from outside
    uv: Floats | None = None  # (V, 2) place in the texture, in [0, 1]
    texture: Pixels | None = None  # (H, W, 3)


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One person over time; a clip head requests parts of it by `needs`.

    A part that was not asked for, or that the film lacks, is None. Chips, points, pose and frames
    have one row per entry of `times`; the other parts have times of their own. All times are
    seconds on the clock of the film, so that parts can be laid beside each other.
    """

    times: Doubles  # (T,) seconds, rising: frames in which the person was found
    chips: Pixels | None = None  # (T, S, S, 3) cut as the head's `crop` says
    points: Floats | None = None  # (T, L, 2 or 3) px of the frame; NaN: not found
    pose: Floats | None = None  # (T, 3) degrees: yaw, pitch, roll; NaN: not found
    body: Series | None = None  # (K, J, 4) float32 x, y, z px of the frame; presence in [0, 1]
    audio: Sound | None = None  # what is heard in the span of the clip
    text: tuple[Words, ...] | None = None  # in the order of time; (): no speech
    frames: Pixels | None = None  # (T, H, W, 3) the whole pictures
    boxes: Floats | None = None  # (T, 4) left, top, right, bottom in `frames`; comes with them
    depth: Series | None = None  # (K, H, W) float32 m from the camera; NaN: a hole
    infrared: Series | None = None  # (K, H, W) uint8, of the sensor


# The parts of a clip that a clip head may need.
PARTS = ("chips", "points", "pose", "body", "audio", "text", "frames", "depth", "infrared")


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """The faces of one person in consecutive sampled frames, without a cut."""

    number: int
    spans: tuple[tuple[float, float], ...]  # seconds: when it can be seen, in order
    observations: int  # frames it was found in
    width: float  # px, mean width of the face
    best: Face  # the key face with the highest selection score
    vector: Floats | None = None  # (D,) mean of its best embeddings, so at most of unit length
    decision: Decision | None = None

    @property
    def start(self) -> float:
        """Return the seconds at which the track begins."""
        return self.spans[0][0]

    @property
    def end(self) -> float:
        """Return the seconds at which the track ends."""
        return self.spans[-1][1]


@dataclass(frozen=True, slots=True)
class Appearance:
    """One person on screen for one time span."""

    person: str
    start: float  # seconds
    end: float  # seconds
    tracks: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Identity:
    """One person of a film: all tracks that show them."""

    person: str  # name in the gallery, or "unknown-3"
    tracks: tuple[int, ...]
    seconds: float  # that they are on screen
    best: Face  # the key face with the highest selection score
    decision: Decision | None = None  # None if there was no gallery, or no usable face


@dataclass(frozen=True, slots=True, eq=False)
class FilmAnswer:
    """The people of a film, with the times at which they are on screen."""

    people: tuple[Identity, ...]  # most seen first
    appearances: tuple[Appearance, ...]  # in the order of time; people may overlap
    prominent: tuple[Appearance, ...]  # the largest face of each moment; no two overlap
    tracks: tuple[Track, ...]
    cuts: tuple[float, ...]  # seconds at which a shot begins
    seconds: float  # that were analysed
    counts: dict[str, int | None]  # what became of the frames; see mien.media.Counts
    reason: str | None = None  # why something may be missing: a code of mien.media's film REASONS
    complete: bool = True  # False: the end was not reached
    models: dict[str, str] = field(default_factory=dict)  # step -> card, digest, device, threads
    times: dict[str, float] = field(default_factory=dict)  # step -> seconds it took
