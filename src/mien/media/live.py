"""Input of cameras and network streams: the newest frames, independent of processing speed."""

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
WAITING = (0.5, 1.0, 2.0, 5.0, 10.0)  # s between reconnection attempts
DELAY = 1.0  # s
# Name of the system's camera interface in FFmpeg.
CAMERAS = {"linux": "v4l2", "darwin": "avfoundation", "win32": "dshow"}

Notify = Callable[[str], None]  # called with a message about the source


def is_live(source: str | os.PathLike[str]) -> bool:
    """Return whether a name is that of a camera or a network stream: "0", "/dev/video0", "rtsp://..."."""
    name = str(source)
    return name.isdecimal() or name.startswith(("/dev/video", *STREAMS))


class Live:
    """The frames of a camera or stream as they arrive.

    A thread reads and decodes; if processing is slow, late frames are dropped, so that the delay
    does not grow. After a loss, reconnection is tried until `patience` has passed.
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
        notify: Notify = lambda sentence: None,
        limits: Limits = LIMITS,
    ) -> None:
        """Open the source.

        Args:
            source: number of a camera, its path, or a URL.
            every: seconds between frames, as for Film.frames.
            glance: detects cuts, as for Film.frames.
            patience: seconds of reconnection attempts after a loss.
            stall: seconds without a frame after which a source counts as lost.
            delay: seconds of frames in the queue; older frames are dropped.
            notify: called with a message if the source is lost or is back.
            limits: largest frame.

        Raises:
            FilmError: the source cannot be opened at the start.
        """
        self.where = f"Camera {source}" if str(source).isdecimal() else f"Source {source}"
        self.counts = Counts()
        self.reason: str | None = None
        self._source, self._every, self._limits = str(source), every, limits
        self._glance = glance
        self._patience, self._stall, self._notify = patience, stall, notify
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
        """Stop reading. The thread ends at the next frame, or when the source stalls."""
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
        """Put frames into the queue until the source ends finally."""
        last, shift = -1.0, 0.0
        try:
            while not self._closed:
                last = self._drain(film, shift, last)
                again = None if self._closed else self._reopen()
                if again is None:
                    break
                film = again
                # Timestamps of the new connection restart; the wall clock does not.
                shift = max(time.monotonic() - self._begun, last + 1e-3)
        except Exception as error:  # raised to the iterating caller
            self._error = error
        with self._news:
            self._over = True
            self._news.notify_all()

    def _drain(self, film: Film, shift: float, last: float) -> float:
        """Read one connection to its end; return the time of its last frame."""
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
                self._notify(str(error))
        return last

    def _put(self, frame: Frame, counts: Counts) -> None:
        with self._news:
            dropped = self.counts.dropped + (len(self._waiting) == self._waiting.maxlen)
            self.counts = replace(counts, dropped=dropped, reconnects=self.counts.reconnects)
            self._waiting.append(frame)
            self._news.notify()

    def _reopen(self) -> Film | None:
        """Reconnect to the source; None after `patience`."""
        self._notify(f"{self.where} is lost; reconnecting.")
        gone, attempt = time.monotonic(), 0
        while time.monotonic() - gone < self._patience and not self._closed:
            time.sleep(min(WAITING[min(attempt, len(WAITING) - 1)], self._patience))
            attempt += 1
            try:
                film = self._open()
            except FilmError:
                continue
            self.counts.reconnects += 1
            self._notify(f"{self.where} is back after {time.monotonic() - gone:.1f} s.")
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
    notify: Notify = lambda sentence: None,
) -> "Live | Replay":
    """Open a camera or stream live, or a file frame by frame, with one interface.

    Iteration yields frames; `counts`, `reason`, `rate` and `where` describe them.
    """
    if is_live(source):
        return Live(source, every=every, glance=glance, patience=patience, notify=notify)
    return Replay(source, every, glance)


class Replay:
    """A film file instead of a camera: every frame is passed on, none is dropped."""

    def __init__(
        self, source: str | os.PathLike[str], every: float, glance: Glance | None = None
    ) -> None:
        self._film, self._every, self._glance = open_film(source), every, glance
        self.where, self.rate = self._film.where, self._film.rate
        self.started: float | None = None

    @property
    def counts(self) -> Counts:
        """Return the counts of the frames so far."""
        return self._film.counts

    @property
    def reason(self) -> str | None:
        """Return why frames may be missing."""
        return self._film.reason

    def __iter__(self) -> Iterator[Frame]:
        return self._film.frames(every=self._every, glance=self._glance)

    def close(self) -> None:
        """Close the file."""
        self._film.close()

    def __enter__(self) -> "Replay":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _container(source: str, where: str, stall: float) -> Any:
    """Open a source with options for low delay and timeouts."""
    options: dict[str, str] = {}
    kind = None
    if source.isdecimal() or source.startswith("/dev/video"):
        kind = CAMERAS.get(sys.platform)
        if kind is None:
            raise FilmError(f"{where}: cameras of {sys.platform} are not supported; give a URL.")
        source = f"/dev/video{source}" if kind == "v4l2" and source.isdecimal() else source
        if kind == "v4l2" and not Path(source).exists():
            raise FilmError(
                f"{where}: {source} does not exist; connect the camera, or name another one."
            )
    elif source.startswith("rtsp"):
        options = {"rtsp_transport": "tcp"}  # complete frames instead of torn ones
    try:
        return av.open(source, format=kind, options=options, timeout=(stall, stall))
    except (OSError, av.error.FFmpegError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FilmError(f"{where} cannot be reached ({reason}).") from error
