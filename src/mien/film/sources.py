"""The rows of one source after the other: images, and films in segments of half a second."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from mien.errors import FilmError, ImageError
from mien.film.analyzer import Analyzer
from mien.film.checkpoint import Rows, State
from mien.film.engine import FilmEngine
from mien.film.frames import FrameAnalyzer, analyze_image
from mien.film.rows import FaceRow
from mien.film.scanner import SEGMENT
from mien.film.segment_log import segment_to_row
from mien.media import Film, Frame, is_film, open_film, read_image
from mien.track import Segment, ShotBoundaryDetector
from mien.types import OnStep, Pixels

GAP = 1.5  # frame intervals above which a frame is missing, if some are damaged


def in_order(
    sources: Iterable[tuple[int, str]], analyzer: Analyzer, rows: Rows, on_step: OnStep
) -> Iterator[str]:
    """Analyse sources in this process; yield the name of each when its rows are added.

    Args:
        sources: number and name; a film that was begun is continued.
        analyzer: the models.
        rows: takes the rows.
        on_step: see `mien.film.analyze`.
    """
    for number, name in sources:
        if is_film(name):
            state = rows.last
            going = state if state and state["source"] == number else None
            _FilmRun(name, number, analyzer, rows, on_step)(going, rows.segments(number))
        else:
            try:
                add_picture(name, number, read_image(name), analyzer, rows)
            except ImageError as error:
                add_unreadable(name, number, str(error), rows)
        yield name


def add_picture(name: str, number: int, image: Pixels, analyzer: Analyzer, rows: Rows) -> None:
    """Analyse one image."""
    found, segment = analyze_image(analyzer, image)
    recording = {"input": name, "kind": "picture", "complete": True, "reason": None}
    recording |= {"height": image.shape[0], "width": image.shape[1]}
    segments = [] if segment is None else [segment_to_row(segment)]
    rows.add(name, found, _ended(number, recording, segments))


def add_unreadable(name: str, number: int, why: str, rows: Rows) -> None:
    """Add the row of a source that cannot be read, with the reason."""
    kind = "film" if is_film(name) else "picture"
    recording = {"input": name, "kind": kind, "complete": False}
    recording |= {"reason": "unreadable", "detail": why}
    row = FaceRow({"frame": 0, "time": np.nan, "reason": "unreadable"})
    rows.add(name, [row], _ended(number, recording, []))


def _ended(number: int, recording: State, segments: list[State]) -> State:
    return {"source": number, "done": True, "recording": recording, "segments": segments}


class _FilmRun:
    """The analysis of one film in segments of half a second."""

    def __init__(
        self, name: str, number: int, analyzer: Analyzer, checkpoint: Rows, on_step: OnStep
    ) -> None:
        self._name, self._number = name, number
        self._checkpoint, self._on_step = checkpoint, on_step
        self._measure = FrameAnalyzer(analyzer)
        self._engine = FilmEngine(analyzer.scanner(), self._measure)
        self._rows: list[FaceRow] = []
        self._facts: State = {"cuts": 0, "frames": 0, "dropped": 0, "damaged": 0}
        self._last: tuple[float, int] | None = None  # time and number of the last frame
        self._offset: int | None = 0
        self._owed = 0  # damaged packets without a missing frame so far
        self._step = np.inf  # s between two frames, the shortest so far

    def __call__(self, going: State | None, before: Iterable[Segment]) -> None:
        """Analyse to the end of the film, from the state of an earlier run if there is one.

        Args:
            going: the state to continue from.
            before: the segments of that run.
        """
        try:
            film = open_film(self._name)
        except FilmError as error:
            add_unreadable(self._name, self._number, str(error), self._checkpoint)
            return
        with film:
            start = self._resume(going, before) if going else -1.0
            total = round(film.duration or 0)
            damaged = self._facts["damaged"]
            # Some frames are read again, to detect a cut at the start and to refill clips.
            early = max(0.0, start - max(SEGMENT, self._measure.window))
            reason = None
            try:
                for frame in film.frames(start=early, glance=ShotBoundaryDetector()):
                    if frame.time <= start + 1e-9:
                        self._again(frame)
                        continue
                    self._take(frame, film, damaged)
                    self._on_step("film", min(round(frame.time), total or 1 << 60), total)
            except FilmError:  # it stalled
                reason = "lost"
            self._end(film, reason or film.reason, self._engine.finish(), done=True)
            self._on_step("film", total, total)

    def _resume(self, going: State, before: Iterable[Segment]) -> float:
        self._measure.resume(going["observing"])
        if self._engine.scanner:
            self._engine.scanner.replay(before)
        self._facts, self._step = going["facts"], going["step"] or np.inf
        self._last = (going["last"][0], going["last"][1])
        self._offset = None
        return self._last[0]

    def _again(self, frame: Frame) -> None:
        """Process a frame of the earlier run: offset of frame numbers, and chips of clips."""
        if self._last and abs(frame.time - self._last[0]) < 1e-6:
            self._offset = self._last[1] - frame.number
        self._measure.see_again(frame.image, frame.time)

    def _take(self, frame: Frame, film: Film, damaged: int) -> None:
        ended = self._engine.ended(frame.time)
        if self._last and int(frame.time / SEGMENT) > int(self._last[0] / SEGMENT):
            self._end(film, None, ended, done=False)
        number = frame.number + (self._offset or 0)
        self._rows += self._missing(frame.time, film.counts.damaged + damaged, frame.damaged)
        self._facts["cuts"] += frame.cut
        self._facts["frames"] += 1
        self._facts["height"], self._facts["width"] = frame.image.shape[:2]
        self._rows += self._engine.take(replace(frame, number=number))
        if frame.damaged:
            keys = {"frame": number, "time": frame.time, "reason": "decoder-drop"}
            self._rows.append(FaceRow(keys))
            self._facts["dropped"] += 1
        self._last = (frame.time, number)

    def _missing(self, time: float, damaged: int, marked: bool) -> list[FaceRow]:
        """Return rows for missing frames before this one, if the decoder found damage."""
        self._owed += damaged - self._facts["damaged"] - marked
        self._facts["damaged"] = damaged
        if self._last is None:
            return []
        between = time - self._last[0]
        rows = []
        if self._owed > 0 and between > GAP * self._step:
            count = round(between / self._step) - 1
            times = [self._last[0] + between * (i + 1) / (count + 1) for i in range(count)]
            rows = [FaceRow({"time": t, "reason": "decoder-drop"}) for t in times]
            self._owed = 0
            self._facts["dropped"] += count
        self._step = min(self._step, between)
        return rows

    def _end(self, film: Film, reason: str | None, ended: Sequence[Segment], *, done: bool) -> None:
        """End a segment, or the film."""
        recording = {
            "input": self._name,
            "kind": "film",
            "complete": done and reason not in {"lost"},
            "reason": reason,
            "seconds": self._last[0] if self._last else 0.0,
            "duration": film.duration,
            "rate": film.rate,
            "codec": film.codec,
            "announced": film.counts.announced,
            **self._facts,
        }
        state: State = {
            "source": self._number,
            "done": done,
            "recording": recording,
            "facts": dict(self._facts),
            "last": self._last or (0.0, -1),
            "step": None if np.isinf(self._step) else self._step,
            "observing": None if done else self._measure.state(),
            "segments": [segment_to_row(one) for one in ended],
        }
        self._checkpoint.add(self._name, self._rows, state)
        self._rows = []
