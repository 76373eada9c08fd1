"""Cameras and network streams: the newest frames, whatever the viewer's speed."""

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import av.error

from mien.errors import FilmError
from mien.media.film import STALL, Counts, Film, Frame, Glance, film_of, open_film
from mien.media.limits import LIMITS, Limits

STREAMS = ("rtsp://", "rtsps://", "rtmp://", "http://", "https://", "udp://", "tcp://", "srt://")
WAITING = (0.5, 1.0, 2.0, 5.0, 10.0)  # s between attempts to reach a source that went away
DELAY = 1.0  # s
# FFmpeg's name of the system's camera interface.
CAMERAS = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}

Told = Callable[[str], None]


def is_live(source: str | os.PathLike[str]) -> bool:
    """Whether a name means a camera or a network stream: "0", "/dev/video0", "rtsp://..."."""
    name = str(source)
    return name.isdecimal() or name.startswith(("/dev/video", *STREAMS))


class Live:
    """Frames of a camera or stream as they come.

    A thread reads and decodes, so that a slow viewer sees late frames dropped rather than the
    picture fall behind. A source that goes away is tried again until `patience` is over.
    Iterate over it once; close it, or use it in a `with` block.
    """

    def __init__(
        self,
        source: str | os.PathLike[str],
        *,
        every: float = 0.0,
        glance: Glance | None = None,
        patience: float = 60.0,
        stall: float = STALL,
        delay: float = DELAY,
        told: Told = lambda sentence: None,
        limits: Limits = LIMITS,
    ) -> None:
        """Open the source.

        Args:
            source: number of a camera, its path, or a URL.
            every: seconds between frames, as for Film.frames.
            glance: tells cuts, as for Film.frames.
            patience: seconds to try to reach a source that went away, before giving up.
            stall: seconds without a frame after which a source counts as gone.
            delay: seconds of frames that may wait to be looked at; older ones give way.
            told: is given a sentence whenever the source goes or comes back.
            limits: largest frame.

        Raises:
            FilmError: the source cannot be opened at first, so it was probably never there.
        """
        self.where = f"Camera {source}" if str(source).isdecimal() else f"Source {source}"
        self.counts = Counts()
        self.reason: str | None = None
        self._source, self._every, self._limits = str(source), every, limits
        self._glance = glance
        self._patience, self._stall, self._told = patience, stall, told
        film = self._open()
        self.started = time.time()  # wall clock of 0:00, s since 1970
        self.rate = film.rate
        self._begun = time.monotonic()
        length = max(2, round(delay / every if every else delay * (film.rate or 25)))
        self._waiting: deque[Frame] = deque(maxlen=length)
        self._news = threading.Condition()
        self._over = self._closed = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._read, args=(film,), daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Frame]:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._waiting or self._over)
                if not self._waiting:
                    break
                frame = self._waiting.popleft()
            yield frame
        if self._error:
            raise self._error

    def close(self) -> None:
        """Stop reading. The thread ends with the next frame, or when the source stalls."""
        self._closed = True
        with self._news:
            self._over = True
            self._news.notify_all()
        self._thread.join(timeout=2)

    def __enter__(self) -> "Live":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _read(self, film: Film) -> None:
        """Put frames into the queue until the source is over for good."""
        last, shift = -1.0, 0.0
        try:
            while not self._closed:
                last = self._drain(film, shift, last)
                again = None if self._closed else self._reopen()
                if again is None:
                    break
                film = again
                # The stamps of the new connection start anew; the clock on the wall does not.
                shift = max(time.monotonic() - self._begun, last + 1e-3)
        except Exception as error:  # told to whoever iterates
            self._error = error
        with self._news:
            self._over = True
            self._news.notify_all()

    def _drain(self, film: Film, shift: float, last: float) -> float:
        """Read one connection to its end; give the time of its last frame."""
        with film:
            try:
                origin: float | None = None
                for frame in film.frames(every=self._every, glance=self._glance):
                    origin = frame.time if origin is None and shift else origin
                    last = frame.time - (origin or 0.0) + shift
                    self._put(replace(frame, time=last), film.counts)
                    if self._closed:
                        break
            except FilmError as error:  # it stalled
                self._told(str(error))
        return last

    def _put(self, frame: Frame, counts: Counts) -> None:
        with self._news:
            dropped = self.counts.dropped + (len(self._waiting) == self._waiting.maxlen)
            self.counts = replace(counts, dropped=dropped, reconnects=self.counts.reconnects)
            self._waiting.append(frame)
            self._news.notify()

    def _reopen(self) -> Film | None:
        """Try to reach the source again; None once patience is over."""
        self._told(f"{self.where} went away; trying to reach it again.")
        gone, attempt = time.monotonic(), 0
        while time.monotonic() - gone < self._patience and not self._closed:
            time.sleep(min(WAITING[min(attempt, len(WAITING) - 1)], self._patience))
            attempt += 1
            try:
                film = self._open()
            except FilmError:
                continue
            self.counts.reconnects += 1
            self._told(f"{self.where} is back after {time.monotonic() - gone:.1f} s.")
            return film
        self.reason = "lost"
        return None

    def _open(self) -> Film:
        return film_of(_container(self._source, self.where, self._stall), self.where, self._limits)


def open_source(
    source: str | os.PathLike[str],
    *,
    every: float = 0.0,
    glance: Glance | None = None,
    patience: float = 60.0,
    told: Told = lambda sentence: None,
) -> "Live | Replay":
    """A camera or stream as it comes, or a file frame by frame, behind one shape.

    Iterating gives frames; `counts`, `reason`, `rate` and `where` tell about them.
    """
    if is_live(source):
        return Live(source, every=every, glance=glance, patience=patience, told=told)
    return Replay(source, every, glance)


class Replay:
    """A film file in the place of a camera: every frame is looked at, none is dropped."""

    def __init__(
        self, source: str | os.PathLike[str], every: float, glance: Glance | None = None
    ) -> None:
        self._film, self._every, self._glance = open_film(source), every, glance
        self.where, self.rate = self._film.where, self._film.rate
        self.started: float | None = None

    @property
    def counts(self) -> Counts:
        """What became of the frames so far."""
        return self._film.counts

    @property
    def reason(self) -> str | None:
        """Why the frames may not be all."""
        return self._film.reason

    def __iter__(self) -> Iterator[Frame]:
        return self._film.frames(every=self._every, glance=self._glance)

    def close(self) -> None:
        """Let go of the file."""
        self._film.close()

    def __enter__(self) -> "Replay":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _container(source: str, where: str, stall: float) -> Any:
    """Open with what each kind of source needs to come quickly and not to hang."""
    options: dict[str, str] = {}
    kind = None
    if source.isdecimal() or source.startswith("/dev/video"):
        kind = CAMERAS.get(sys.platform)
        if kind is None:
            raise FilmError(f"{where}: cameras of {sys.platform} are not known; give a URL.")
        source = f"/dev/video{source}" if kind == "v4l2" and source.isdecimal() else source
        if kind == "v4l2" and not Path(source).exists():
            raise FilmError(f"{where}: there is no {source}; plug the camera in, or name another.")
    elif source.startswith("rtsp"):
        options = {"rtsp_transport": "tcp"}  # whole pictures rather than torn ones
    try:
        return av.open(source, format=kind, options=options, timeout=(stall, stall))
    except (OSError, av.error.FFmpegError, ValueError) as error:
        told = getattr(error, "strerror", None) or error
        raise FilmError(f"{where} cannot be reached ({told}).") from error
