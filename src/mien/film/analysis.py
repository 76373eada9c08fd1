"""Analysis of films and images: sources in, one table out."""

import os
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from mien.behaviour import Baseline
from mien.errors import CancelledError, FilmError, ImageError, MienError, StorageError
from mien.film.analyzer import Analyzer, licences
from mien.film.assemble import assemble_table
from mien.film.baselines import apply_baselines, fit_person_baseline
from mien.film.checkpoint import RowCheckpoint, State
from mien.film.engine import FilmEngine
from mien.film.frames import FrameAnalyzer, analyze_image
from mien.film.rows import FaceRow
from mien.film.scanner import EVERY, SEGMENT
from mien.film.segment_log import segment_to_row
from mien.landmarks.mesh_tracker import EVERY as SEARCHED
from mien.media import Film, Frame, is_film, one_thread, open_film, read_image
from mien.tables import Table, require
from mien.track import Segment, ShotBoundaryDetector
from mien.types import OnStep

GAP = 1.5  # frame intervals above which a frame is missing, if some are damaged


def analyze(
    sources: "Sequence[str | os.PathLike[str]]",
    analyzer: Analyzer,
    *,
    baseline: Baseline | None = None,
    folder: str | os.PathLike[str] | None = None,
    on_step: OnStep = lambda name, done, total: None,
) -> Table:
    """Measure every face in films and images; each source is decoded once.

    Args:
        sources: films and images.
        analyzer: the models.
        baseline: of the person who is expected; None: each person's own, fitted to the whole
            film; for images, the average baseline.
        folder: stores rows, so that a stopped run can continue; delete it when the run is
            complete. None stores nothing.
        on_step: called with "film" and seconds, or "pictures" and counts: done, total.

    Returns:
        The table. If the run is stopped by Ctrl-C, a full disk or a broken film, it holds the
        rows up to that point, and `recordings` states the reason.

    Raises:
        BaselineError: the person of the baseline is not in the sources.
        MienError: the folder belongs to other sources or settings.
    """
    require()
    names = [str(source) for source in sources]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise MienError(f"Source '{twice[0]}' is given twice; give each source once.")
    identity = {"inputs": names, "sizes": [_size(name) for name in names], **settings(analyzer)}
    with _place(folder) as place, one_thread():
        checkpoint = RowCheckpoint(place, analyzer.columns(), identity)
        stopped = _run(names, analyzer, checkpoint, on_step)
        facts = {
            "mien": version("mien"),
            "models": analyzer.models,
            "licences": licences([model.partition("@")[0] for model in analyzer.models.values()]),
            "settings": {key: identity[key] for key in settings(analyzer)},
        }
        table, vectors = assemble_table(checkpoint, analyzer, names, facts, stopped)
        return apply_baselines(table, analyzer, baseline, vectors)


def fit_baseline(
    sources: "Sequence[str | os.PathLike[str]]",
    analyzer: Analyzer,
    *,
    person: str | None = None,
    on_step: OnStep = lambda name, done, total: None,
) -> tuple[Baseline, str]:
    """Fit the baseline of a person in films or images, for later use.

    Args:
        sources: films, or images of one person.
        analyzer: with an embedder, the baseline stores an embedding, and other people are refused.
        person: name in `people` of a table; None: the person with the most measured frames.
        on_step: as for `analyze`.

    Returns:
        The baseline, and the name of the person.

    Raises:
        BaselineError: no person has that name, or no near-frontal face is found.
    """
    require()
    names = [str(source) for source in sources]
    with tempfile.TemporaryDirectory(prefix="mien-") as place, one_thread():
        checkpoint = RowCheckpoint(Path(place), analyzer.columns(), {"inputs": names})
        stopped = _run(names, analyzer, checkpoint, on_step)
        if stopped:
            raise MienError(f"The run was stopped ({stopped}); repeat the command to continue.")
        table, vectors = assemble_table(checkpoint, analyzer, names, {}, None)
    return fit_person_baseline(table, analyzer, vectors, person)


def settings(analyzer: Analyzer) -> dict[str, Any]:
    """Return the settings that the results depend on, without the sources."""
    return {
        "every": analyzer.every,
        "searched": EVERY if analyzer.names else SEARCHED,
        "points": analyzer.points,
        "fov": analyzer.fov,
        "turns": analyzer.pipeline.turns,
        "models": {step: model.partition(" on ")[0] for step, model in analyzer.models.items()},
    }


def _size(name: str) -> int | None:
    path = Path(name)
    return path.stat().st_size if path.is_file() else None


@contextmanager
def _place(folder: str | os.PathLike[str] | None) -> Any:
    if folder is not None:
        yield Path(folder)
        return
    with tempfile.TemporaryDirectory(prefix="mien-") as name:
        yield Path(name)


def _run(
    names: list[str], analyzer: Analyzer, checkpoint: RowCheckpoint, on_step: OnStep
) -> str | None:
    """Analyse all open sources; return the reason if the run is incomplete."""
    pictures = sum(not is_film(name) for name in names)
    done = 0
    try:
        for number, name in enumerate(names):
            picture = not is_film(name)
            state = checkpoint.last
            if state and (state["source"], state["done"]) > (number, False):
                done += picture
                continue
            going = state if state and state["source"] == number else None
            if picture:
                done += 1
                _picture(name, number, analyzer, checkpoint)
                on_step("pictures", done, pictures)
            else:
                run = _FilmRun(name, number, analyzer, checkpoint, on_step)
                run(going, checkpoint.segments(number))
        checkpoint.flush()
    except (KeyboardInterrupt, CancelledError):
        return _kept(checkpoint) or "interrupted"
    except StorageError:
        return "full"
    return None


def _kept(checkpoint: RowCheckpoint) -> str | None:
    try:
        checkpoint.flush()
    except StorageError:
        return "full"
    return None


def _picture(name: str, number: int, analyzer: Analyzer, checkpoint: RowCheckpoint) -> None:
    """Analyse one image; an unreadable image gets a row with the reason."""
    recording: State = {"input": name, "kind": "picture", "complete": True, "reason": None}
    state: State = {"source": number, "done": True, "recording": recording, "segments": []}
    try:
        image = read_image(name)
    except ImageError as error:
        recording |= {"complete": False, "reason": "unreadable", "detail": str(error)}
        row = FaceRow({"frame": 0, "time": np.nan, "reason": "unreadable"})
        checkpoint.add(name, [row], state)
        return
    rows, segment = analyze_image(analyzer, image)
    recording |= {"height": image.shape[0], "width": image.shape[1]}
    if segment is not None:
        state["segments"] = [segment_to_row(segment)]
    checkpoint.add(name, rows, state)


class _FilmRun:
    """The analysis of one film in segments of half a second."""

    def __init__(
        self, name: str, number: int, analyzer: Analyzer, checkpoint: RowCheckpoint, on_step: OnStep
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
            self._unreadable(error)
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

    def _unreadable(self, error: FilmError) -> None:
        recording = {"input": self._name, "kind": "film", "complete": False,
                     "reason": "unreadable", "detail": str(error)}  # fmt: skip
        row = FaceRow({"frame": 0, "time": np.nan, "reason": "unreadable"})
        state = {
            "source": self._number,
            "done": True,
            "recording": recording,
            "segments": [],
        }
        self._checkpoint.add(self._name, [row], state)
