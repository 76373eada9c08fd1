"""Input of films: upright frames with the timestamps of the container, one at a time."""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

import av
import av.error

from mien.errors import FilmError, ImageError
from mien.media.limits import LIMITS, Limits
from mien.media.pixels import DECODING, Converter, Weaver
from mien.types import Pixels

Reason = Literal[
    "no-frames", "damaged", "ended-early", "lost", "interrupted", "full",
    "turned-90", "turned-180", "turned-270",
]  # fmt: skip
REASONS: dict[str, str] = {
    "no-frames": "The film has a video stream, but none of its frames can be decoded.",
    "damaged": "Some frames could not be decoded; their content is unknown.",
    "ended-early": "The film ends before the duration in its header.",
    "lost": "The source was lost, and reconnection failed.",
    "interrupted": "The run was stopped before the end; the same command continues it.",
    "full": "The disk was full; the results up to that point are kept.",
    "turned-90": "Faces are upright after a quarter turn clockwise, and not before; turn the "
    "film (ffmpeg -i FILM -vf transpose=1 OUT) and run again.",
    "turned-180": "Faces are upright after half a turn, and not before; turn the film "
    "(ffmpeg -i FILM -vf hflip,vflip OUT) and run again.",
    "turned-270": "Faces are upright after a quarter turn anticlockwise, and not before; turn "
    "the film (ffmpeg -i FILM -vf transpose=2 OUT) and run again.",
}
EARLY = 1.0  # s: a smaller difference at the end is explained by longer sound
OPENING, STALL = 20.0, 20.0  # s without a byte before a source counts as stalled
BACK = (0.0, 2.0, 10.0)  # s before the requested time to seek to, in sequence
STUBBORN = 200  # consecutive failed reads after which a file counts as ended


Glance = Callable[[Pixels], bool]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One image of a film."""

    number: int  # place among the decoded frames, from 0; for a column, not for arithmetic
    time: float  # seconds as in a player, from the timestamps of the container
    image: Pixels  # (H, W, 3) upright, square pixels
    cut: bool = False  # a shot began since the previous frame, if cuts are detected
    damaged: bool = False  # the decoder marked it as damaged: its content is unknown


@dataclass(slots=True)
class Counts:
    """The counts of all frames, by what happened to them."""

    announced: int | None = None  # from the header; None if not stated
    packets: int = 0  # compressed frames that were read
    decoded: int = 0  # given + sampled_out + repeated
    given: int = 0  # passed to the caller
    sampled_out: int = 0  # skipped by sampling
    repeated: int = 0  # timestamp not later than the previous frame; skipped
    damaged: int = 0  # packets without a frame, or with a damaged one
    unstamped: int = 0  # without a timestamp; timed by the frame rate
    dropped: int = 0  # live only: newer frames arrived first
    reconnects: int = 0  # live only


@dataclass(slots=True, eq=False)
class Film:
    """An open film. Close it, or use it in a `with` block; `frames` can be called repeatedly."""

    where: str
    rate: float | None  # frames per second on average, from the header
    duration: float | None  # s; None if the header does not state it
    codec: str
    has_sound: bool
    counts: Counts = field(default_factory=Counts)
    reason: Reason | None = None  # why frames may be missing; known after reading
    _container: Any = None
    _converter: Any = None
    _weaver: Weaver | None = None
    _headless: int = 0  # packets before the first key frame, as in the middle of a broadcast
    until: float | None = None  # s, end of the last frame; known after reading

    @property
    def interval(self) -> float:
        """Return the seconds from frame to frame; 0.04 if the header states no rate."""
        return 1 / (self.rate or 25.0)

    def frames(
        self,
        *,
        start: float = 0.0,
        end: float | None = None,
        every: float = 0.0,
        glance: Glance | None = None,
    ) -> Iterator[Frame]:
        """Yield frames in the order of time.

        Args:
            start: seconds; earlier frames are decoded if necessary, and not yielded.
            end: seconds; later frames are not yielded.
            every: seconds between frames: the first frame of each interval is yielded, so the
                selection does not depend on the frame rate; 0: all frames.
            glance: called with every frame as a (36, 64, 3) thumbnail; returns whether it begins a
                shot, as mien.track.ShotBoundaryDetector does; such a frame is always yielded.
        """
        origin, self.reason = self._origin(), None
        chosen = _Sampling(start, end, every)
        cut = False
        for number, frame, stamp in self._from(origin, start):
            if chosen.over(stamp):
                return
            cut |= glance is not None and glance(self._converter.small(frame))
            if not chosen(stamp, cut, self.counts):
                cut &= stamp >= start  # a cut before the start is ignored
                continue
            image = self._converter.upright(frame)
            self.counts.given += 1
            yield Frame(number, stamp, image, cut, bool(frame.is_corrupt))
            cut = False
        if chosen.last is not None:
            self.until = chosen.last + self.interval
        self._judge(chosen.last, end)

    def _from(self, origin: float, start: float) -> Iterator[tuple[int, Any, float]]:
        """Yield decoded frames from `start` or earlier; some formats seek past the target.

        A number is the place in the film only if it is read from the start; otherwise it counts
        from the seek point.
        """
        for back in BACK:
            if back >= start:
                break
            self._rewind()
            self._seek(start - back + origin)
            frames = self._decoded(origin)
            first = next(frames, None)
            if first is not None and first[2] <= start:
                yield first
                yield from frames
                return
        self._rewind()
        yield from self._decoded(origin)

    def _rewind(self) -> None:
        """Restart; some formats cannot seek to their first frame."""
        self._weaver, self._headless = None, 0
        if self.counts.packets:
            name = self._container.name
            self._container.close()
            self._container = _opened(name, self.where)
            self._container.streams.video[0].thread_type = "AUTO"
        self.counts = Counts(announced=self.counts.announced)

    def _seek(self, seconds: float) -> None:
        stream = self._container.streams.video[0]
        with contextlib.suppress(
            av.error.FFmpegError
        ):  # a source that cannot seek is read sequentially
            self._container.seek(int(seconds / stream.time_base), stream=stream)

    def _origin(self) -> float:
        """Return the container time at which a player shows 0:00."""
        start = self._container.start_time
        return 0.0 if start is None else float(start) / av.time_base

    def _decoded(self, origin: float) -> Iterator[tuple[int, Any, float]]:
        counts, keyed = self.counts, False
        for packet in self._packets():
            counts.packets += bool(packet.size)
            keyed |= packet.is_keyframe
            self._headless += bool(packet.size) and not keyed
            counts.damaged += packet.is_corrupt
            try:
                pictures = packet.decode()
            except (av.error.FFmpegError, ValueError):
                counts.damaged += 1
                continue
            for frame in self._whole(pictures, over=not packet.size):
                counts.decoded += 1
                counts.damaged += bool(frame.is_corrupt)
                if frame.pts is None:
                    counts.unstamped += 1
                    yield counts.decoded - 1, frame, (counts.decoded - 1) * self.interval
                else:
                    stamp = float(frame.pts * frame.time_base) - origin
                    yield counts.decoded - 1, frame, stamp

    def _whole(self, pictures: list[Any], *, over: bool) -> Iterator[Any]:
        """Yield progressive frames: interlaced ones are filtered."""
        if self._weaver is None:
            if not any(frame.interlaced_frame for frame in pictures):
                yield from pictures
                return
            self._weaver = Weaver(self._container.streams.video[0])
        yield from self._weaver(pictures, over=over)

    def _packets(self) -> Iterator[Any]:
        """Yield all readable packets; damaged parts are skipped."""
        failed, stream = 0, self._container.streams.video[0]
        while failed < STUBBORN:
            try:
                for packet in self._container.demux(stream):
                    failed = 0
                    yield packet
                return
            except av.error.ExitError as error:
                raise FilmError(
                    f"{self.where} sent no data for {STALL:g} s; check the connection."
                ) from error
            except av.error.FFmpegError:
                self.counts.damaged += 1
                failed += 1

    def _judge(self, last: float | None, end: float | None) -> None:
        """Determine the reason for missing frames at the end of the film."""
        # Decoders drop what has no key frame without an error; some formats have no such mark.
        undecoded = self.counts.packets - self.counts.decoded
        self.counts.damaged += max(min(self._headless, undecoded), 0)
        expected = self.duration if end is None else min(end, self.duration or end)
        if self.counts.decoded == 0:
            self.reason = "no-frames"
        elif expected is not None and last is not None and self._reached(last) < expected:
            self.reason = "ended-early"
        elif self.counts.damaged:
            self.reason = "damaged"

    def _reached(self, last: float) -> float:
        """The time that was reached; some containers count the duration from before the start."""
        return last + max(self._origin(), 0.0) + self._tolerance()

    def _tolerance(self) -> float:
        """Return the tolerance in s; sound often continues after the last frame."""
        return max(EARLY, 2 / self.rate if self.rate else 0.0)

    def close(self) -> None:
        """Close the file."""
        if self._container is not None:
            self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class _Sampling:
    """The selection of timestamps: the first of each step, and each start of a shot."""

    def __init__(self, start: float, end: float | None, every: float) -> None:
        self.start, self.end, self.every = start, end, every
        self.last: float | None = None
        self._step = -1

    def over(self, stamp: float) -> bool:
        return self.end is not None and stamp >= self.end

    def __call__(self, stamp: float, cut: bool, counts: Counts) -> bool:
        if self.last is not None and stamp <= self.last:
            counts.repeated += 1
            return False
        self.last = stamp
        step = int(stamp / self.every + 1e-6) if self.every else self._step + 1
        if stamp < self.start - 1e-6 or (step <= self._step and not cut):
            counts.sampled_out += 1
            return False
        self._step = max(step, self._step)
        return True


def open_film(source: str | os.PathLike[str], *, limits: Limits = LIMITS) -> Film:
    """Open a film file.

    Rotation flags are applied, pixels made square, colours converted by the matrix that the
    file states (default: BT.709 for HD and BT.601 below).

    Args:
        source: path, or a URL that FFmpeg reads.
        limits: largest frame.

    Raises:
        FilmError: the file does not exist, is not a film, or has no frames.
    """
    where = f"Film {source}"
    return film_of(_opened(str(source), where), where, limits)


def film_of(container: Any, where: str, limits: Limits = LIMITS) -> Film:
    """Open a film on an FFmpeg container; also used for cameras."""
    if not container.streams.video:
        kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
        container.close()
        raise FilmError(
            f"{where} has no video stream, only {kinds}; give a file with a video stream."
        )
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    width, height = (getattr(stream, side, None) or 0 for side in ("width", "height"))
    if not width or not height:  # no frame follows that would say, or no decoder knows it
        container.close()
        raise FilmError(f"{where} has a video stream, but no pictures in it; get it again.")
    try:
        limits.check_pixels(width, height, where)
        limits.check_memory(width, height, DECODING, where)
    except ImageError as error:
        container.close()
        raise FilmError(str(error)) from None
    rate = stream.average_rate or stream.guessed_rate
    ticks = container.duration
    return Film(
        where,
        float(rate) if rate else None,
        float(ticks) / av.time_base if ticks else None,
        stream.codec_context.name,
        bool(container.streams.audio),
        Counts(announced=stream.frames or None),
        None,
        container,
        Converter(stream.sample_aspect_ratio, limits, where),
    )


def _opened(source: str, where: str) -> Any:
    try:
        return av.open(source, timeout=(OPENING, STALL))
    except FileNotFoundError as error:
        raise FilmError(f"{where} does not exist; check the path.") from error
    except IsADirectoryError as error:
        raise FilmError(f"{where} is a folder; give a file in it.") from error
    except PermissionError as error:
        raise FilmError(f"{where} is not readable; check its permissions.") from error
    except (av.error.FFmpegError, ValueError) as error:
        empty = Path(source).is_file() and not Path(source).stat().st_size
        kind = "is empty" if empty else "is not a film that FFmpeg can open"
        raise FilmError(f"{where} {kind} ({getattr(error, 'strerror', error)}).") from error
