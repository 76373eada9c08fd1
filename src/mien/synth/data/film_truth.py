"""The truth of a rendered film, frame by frame, in one file beside it; written as it is rendered.

The file is an .npz that numpy.load opens. Arrays of pixels are stored one per frame, so that a
long film needs the memory of one frame.
"""

import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien.media import FilmWriter, open_film, read_sound
from mien.synth.data.declare import NOTE
from mien.synth.head.actor import Actor
from mien.synth.motion.controls import SHAPES
from mien.synth.motion.puppet_frame import Performer, show
from mien.synth.motion.take import Take
from mien.synth.motion.timeline import Event
from mien.synth.motion.timeline import Sound as Spoken
from mien.synth.motion.voice import speak
from mien.synth.render.flow import Flow, flow
from mien.synth.render.group import Shown
from mien.synth.render.scene import Frame, Scene
from mien.synth.skin.paint import LABELS
from mien.types import Clip, Doubles, Floats, OnStep, Series, Sound, Words

SUFFIX = ".truth.npz"
RATE = 16_000  # samples per second of the sound that is read
PIXELS = ("depth", "seg", "nir", "flow")  # one array per frame
MM = 1000.0  # of a metre


@dataclass(frozen=True, slots=True, eq=False)
class Whole:
    """The body of a person of a group, and how much of the person is hidden."""

    box: Floats  # (T, 4) px around the 68 points, also where others hide them
    share: Doubles  # (T,) of the face's pixels in the image that nobody else hides
    body: Floats  # (T, 33, 3) joints in MediaPipe's order: x px, y px, depth in mm
    body3d: Floats  # (T, 33, 3) mm in the room
    body_seen: NDArray[np.bool_]  # (T, 33) in the image, and hidden by no other person
    hands: Floats  # (T, 2, 21, 3) left and right of the subject: x px, y px, depth in mm
    hands3d: Floats  # (T, 2, 21, 3) mm in the room

    def series(self, times: Doubles, focal: float) -> Series:
        """The joints as a clip has them: x, y and depth in px (0 at the hips), and presence."""
        hips = self.body[:, 23:25, 2].mean(1)[:, None]
        depth = (self.body[..., 2] - hips) * focal / hips
        rows = [self.body[..., 0], self.body[..., 1], depth, self.body_seen]
        return Series(times, np.stack(rows, -1).astype(np.float32))


@dataclass(frozen=True, slots=True, eq=False)
class FilmTruth:
    """What is known about a rendered film."""

    clip: Clip  # points (T, 68, 2), pose, and what the file has: depth, infrared, sound, words
    measures: Mapping[str, Floats]  # (T,) by name: shapes, action units, gaze, pulse, breath
    viseme: tuple[str, ...]  # (T,) "sil": none
    events: tuple[Event, ...]  # movements with onset, apex and offset in seconds
    sounds: tuple[Spoken, ...]  # spoken phonemes with their times
    seen: NDArray[np.bool_]  # (T, 68) whether a point is hidden by nothing
    points3d: Floats  # (T, 68, 3) mm
    seg: Series | None = None  # (T, H, W) places in `labels`
    labels: tuple[str, ...] = ()
    flow: Series | None = None  # (T - 1, H, W, 2) px from a frame to the next; NaN: unknown
    whole: Whole | None = None  # of a person of a group

    def columns(self) -> dict[str, NDArray[Any]]:
        """One array of T values for each column of a table; arrays of pixels are not among them."""
        clip = self.clip
        assert clip.points is not None
        assert clip.pose is not None
        out: dict[str, NDArray[Any]] = {"time": clip.times}
        out |= {name: clip.pose[:, k] for k, name in enumerate(("yaw", "pitch", "roll"))}
        out |= dict(self.measures) | {"viseme": np.array(self.viseme)}
        for k in range(clip.points.shape[1]):
            out |= {f"x_{k}": clip.points[:, k, 0], f"y_{k}": clip.points[:, k, 1]}
            out |= {f"{axis}_mm_{k}": self.points3d[:, k, j] for j, axis in enumerate("xyz")}
            out[f"seen_{k}"] = self.seen[:, k]
        return out


class ArrayFile:
    """An .npz that is written array by array; use it in a `with` block.

    The file gets its name when the block ends without error. It has the same bytes every time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._beside = path.with_name(f".{path.name}.part")
        try:
            self._zip = zipfile.ZipFile(self._beside, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        except OSError as error:
            raise MienError(f"{self.path} cannot be written: {error.strerror}.") from error

    def put(self, name: str, array: NDArray[Any]) -> None:
        """Append one array.

        Raises:
            MienError: the disk is full.
        """
        out = BytesIO()
        np.lib.format.write_array(out, np.ascontiguousarray(array), allow_pickle=False)
        info = zipfile.ZipInfo(f"{name}.npy")  # without a date: the same bytes every time
        info.compress_type = zipfile.ZIP_DEFLATED
        try:
            self._zip.writestr(info, out.getvalue())
        except OSError as error:
            raise MienError(
                f"{self.path} cannot be written further: {error.strerror}. Free some space and "
                "render the film again."
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        try:
            if kind is None:
                self._finish()
                self._zip.close()
                os.replace(self._beside, self.path)
        finally:
            with suppress(OSError, ValueError):
                self._zip.close()
            with suppress(OSError):
                self._beside.unlink()

    def _finish(self) -> None:
        """Write what is only known at the end."""


class TruthWriter(ArrayFile):
    """A writer of the truth of one person; use it in a `with` block beside a FilmWriter."""

    def __init__(self, film: Path, take: Take) -> None:
        super().__init__(truth_path(film))
        self._take = take
        self._rows: list[tuple[float, Frame]] = []
        self._shown: list[Shown] = []

    def add(
        self, time: float, frame: Frame, flow: Flow | None = None, shown: Shown | None = None
    ) -> None:
        """Append one frame.

        Args:
            time: seconds.
            frame: as rendered; depth, segmentation and infrared are kept if it has them.
            flow: from this frame to the next one.
            shown: of a person of a group.
        """
        number = len(self._rows)
        if frame.depth.size:
            self.put(f"depth/{number:06d}", (frame.depth / MM).astype(np.float16))
            self.put(f"seg/{number:06d}", frame.seg)
        if frame.nir.size:
            self.put(f"nir/{number:06d}", frame.nir)
        if flow is not None:
            whole = np.where(flow.valid[..., None], flow.whole, np.nan)
            self.put(f"flow/{number:06d}", whole.astype(np.float16))
        self._rows.append((time, _small(frame)))
        if shown is not None:
            self._shown.append(shown)

    def _finish(self) -> None:
        arrays = _measured(self._rows, self._take)
        if self._shown:
            arrays |= {f"whole_{name}": np.stack([getattr(one, name) for one in self._shown])
                       for name in Whole.__slots__}  # fmt: skip
        for name, array in arrays.items():
            self.put(name, array)


def record(
    actor: Performer,
    take: Take,
    out: Path,
    *,
    truth: Literal["none", "measures", "all"] = "measures",
    lossless: bool = False,
    sound: Sound | None = None,
    on_step: OnStep | None = None,
) -> int:
    """Render a film with its sound, and write its truth beside it; return the number of frames.

    Args:
        actor: the person, rendered, or the face in a photograph.
        take: the clip; what its timeline says is heard.
        out: .mp4, .mov or .mkv.
        truth: "measures": what changes from frame to frame; "all": also depth, segmentation,
            infrared and flow, which takes several times as long; not known of a photograph.
        lossless: keep each pixel; needs .mkv.
        sound: that is heard, in step with the sounds of the timeline; default: the formant voice.
        on_step: called after each frame.

    Raises:
        FilmError, MienError: a file cannot be written, or a phoneme is unknown.
    """
    line, whole = take.timeline, truth == "all"
    if whole and not isinstance(actor, Actor):
        raise MienError("Depth and infrared of a photograph are not known; choose truth=measures.")
    if sound is None and line.sounds:
        sound = speak(line.sounds, line.duration, take.seed)
    total = len(line.times(take.rate))
    with ExitStack() as files:
        film = files.enter_context(FilmWriter(out, note=NOTE, sound=sound, lossless=lossless))
        known = files.enter_context(TruthWriter(out, take)) if truth != "none" else None
        for done, ((time, scene), after) in enumerate(paired(take.scenes()), 1):
            frame = show(actor, scene, truth=whole, nir=whole)
            film.add(frame.rgb, time)
            if known:
                moved = None
                if isinstance(actor, Actor) and whole and after and not take.rolling:
                    moved = flow(actor, scene, after[1])
                known.add(time, frame, moved)
            if on_step:
                on_step("frames", done, total)
    return total


def paired(
    scenes: Iterator[tuple[float, Scene]],
) -> Iterator[tuple[tuple[float, Scene], tuple[float, Scene] | None]]:
    """Each scene with the next one; None after the last."""
    one = next(scenes, None)
    while one is not None:
        after = next(scenes, None)
        yield one, after
        one = after


def truth_path(film: Path) -> Path:
    """The file of a film's truth."""
    return film.with_name(film.stem + SUFFIX)


def _small(frame: Frame) -> Frame:
    """The frame without its pixels; a slice of them would keep the whole array in memory."""
    grey, real = np.empty((0, 0), np.uint8), np.empty((0, 0), np.float32)
    return replace(
        frame, rgb=np.empty((0, 0, 3), np.uint8), nir=grey, depth=real, seg=grey,
        triangle=np.empty((0, 0), np.int32), inside=real, lm478=None,
    )  # fmt: skip


def _measured(rows: Sequence[tuple[float, Frame]], take: Take) -> dict[str, NDArray[Any]]:
    frames = [frame for _, frame in rows]
    asked = {name for f in frames for name in f.weights} | {e.unit for e in take.timeline.events}
    names = [*SHAPES, *sorted(asked - set(SHAPES))]
    values = {name: [f.shapes.get(name, f.weights.get(name, 0.0)) for f in frames]
              for name in names}  # fmt: skip
    for k, side in enumerate(("right", "left")):
        for j, axis in enumerate(("yaw", "pitch")):
            values[f"gaze_{side}_{axis}"] = [f.gaze[k][j] for f in frames]
    values["pulse"] = [f.pulse for f in frames]
    values["breath"] = [take.breath(time) for time, _ in rows]
    line = take.timeline
    events = [asdict(e) for e in line.events]
    times = [[e[k] for k in ("onset", "apex", "offset", "peak", "hold")] for e in events]
    return {
        "times": np.array([time for time, _ in rows]),
        "pose": np.array([(f.pose.yaw, f.pose.pitch, f.pose.roll) for f in frames], np.float32),
        "points68": np.stack([f.lm68 for f in frames]).astype(np.float32),
        "points68_3d": np.stack([f.lm68_3d for f in frames]).astype(np.float32),
        "points68_seen": np.stack([f.lm68_seen for f in frames]),
        "measures": np.array(list(values)),
        "values": np.array(list(values.values()), np.float32),
        "viseme": np.array([f.viseme for f in frames]),
        "event_unit": np.array([e["unit"] for e in events], np.str_),
        "event_kind": np.array([e["kind"] for e in events], np.str_),
        "event_times": np.array(times, np.float64).reshape(-1, 5),
        "phoneme": np.array([s.phoneme for s in line.sounds], np.str_),
        "phoneme_times": np.array([(s.start, s.end) for s in line.sounds]).reshape(-1, 2),
        "labels": np.array(LABELS),
        "focal": np.array([frames[0].camera.focal_px]),
    }


def read_truth(film: str | os.PathLike[str], *, frames: bool = False) -> FilmTruth:
    """Read the truth that `mien synth video` wrote beside a film.

    Args:
        film: the film; its truth is NAME.truth.npz in the same folder.
        frames: whether the clip has the decoded images as well.

    Raises:
        MienError: there is no truth, it is not complete, or it belongs to another film.
    """
    place = truth_path(Path(film))
    try:
        with place.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            return _truth(kept, Path(film), frames)
    except FileNotFoundError as error:
        raise MienError(
            f"'{film}' has no truth: {place} does not exist. Render it with: mien synth video"
        ) from error
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise MienError(f"{place} is damaged ({error}); render the film again.") from error


def _truth(kept: Any, film: Path, frames: bool) -> FilmTruth:
    times = np.asarray(kept["times"], np.float64)
    names = set(kept.files)
    stacks = {one: read_series(kept, one, times) for one in PIXELS}
    whole = None
    if "whole_box" in names:
        whole = Whole(*(kept[f"whole_{name}"] for name in Whole.__slots__))
    sounds = tuple(
        Spoken(str(word), float(a), float(b))
        for word, (a, b) in zip(kept["phoneme"], kept["phoneme_times"], strict=True)
    )
    events = tuple(
        Event(str(unit), at[0], at[1], at[2], at[3], str(kind), at[4])
        for unit, kind, at in zip(
            kept["event_unit"], kept["event_kind"], kept["event_times"].tolist(), strict=True
        )
    )
    clip = Clip(
        times, points=kept["points68"], pose=kept["pose"], depth=stacks["depth"],
        infrared=stacks["nir"], audio=_audio(film), frames=_images(film, times) if frames else None,
        text=tuple(Words(s.phoneme, s.start, s.end) for s in sounds),
        body=whole.series(times, float(kept["focal"][0])) if whole else None,
    )  # fmt: skip
    measures = dict(zip(kept["measures"].tolist(), kept["values"], strict=True))
    return FilmTruth(
        clip, measures, tuple(kept["viseme"].tolist()), events, sounds, kept["points68_seen"],
        kept["points68_3d"], stacks["seg"], tuple(kept["labels"].tolist()), stacks["flow"], whole,
    )  # fmt: skip


def read_series(kept: Any, one: str, times: Doubles) -> Series | None:
    """The arrays of pixels of that name in an opened .npz, one per frame; None: it has none."""
    mine = sorted(name for name in kept.files if name.startswith(f"{one}/"))
    if not mine:
        return None
    rows = np.array([int(name.split("/")[1]) for name in mine])
    values = np.stack([kept[name] for name in mine])
    return Series(times[rows], values.astype(np.float32) if values.dtype == np.float16 else values)


def _audio(film: Path) -> Sound | None:
    if not film.is_file():
        return None
    try:
        blocks = list(read_sound(film, rate=RATE))
    except MienError:  # a silent film
        return None
    return Sound(np.concatenate([samples for _, samples in blocks]), RATE, blocks[0][0])


def _images(film: Path, times: Doubles) -> NDArray[np.uint8]:
    with open_film(film) as opened:
        images = [frame.image for frame in opened.frames()]
    if len(images) != len(times):
        raise MienError(
            f"'{film}' has {len(images)} frames and its truth {len(times)}; they do not belong "
            "together. Render the film again."
        )
    return np.stack(images)
