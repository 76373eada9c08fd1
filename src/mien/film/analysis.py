"""What faces show in films and pictures: sources in, one table out."""

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

GAP = 1.5  # frame distances from which a frame is missing between two, if some were damaged


def analyze(
    sources: "Sequence[str | os.PathLike[str]]",
    kit: Analyzer,
    *,
    baseline: Baseline | None = None,
    folder: str | os.PathLike[str] | None = None,
    on_step: OnStep = lambda name, done, total: None,
) -> Table:
    """Measure every face in every frame of films, and in pictures; each is decoded once.

    Args:
        sources: films and pictures.
        kit: what they are looked at with.
        baseline: of a person who is expected to be seen; None: each person's own, from all that
            a film shows of them, and that of average people for pictures.
        folder: keeps rows on disk, so that a run that was stopped goes on from there; delete it
            when done. None keeps nothing.
        on_step: is told "film" and the seconds done and in all, or "pictures" and their number.

    Returns:
        The table. If a run is stopped with Ctrl-C, the disk fills up, or a film breaks off, it
        holds what was seen until then, and `recordings` says why.

    Raises:
        BaselineError: the baseline is of somebody who is not there.
        MienError: the folder belongs to other sources or settings.
    """
    require()
    names = [str(source) for source in sources]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise MienError(f"{twice[0]} was named twice; name each source once.")
    told = {"inputs": names, "sizes": [_size(name) for name in names], **settings(kit)}
    with _place(folder) as place, one_thread():
        checkpoint = RowCheckpoint(place, kit.columns(), told)
        stopped = _run(names, kit, checkpoint, on_step)
        facts = {
            "mien": version("mien"),
            "models": kit.models,
            "licences": licences([model.partition("@")[0] for model in kit.models.values()]),
            "settings": {key: told[key] for key in settings(kit)},
        }
        table, vectors = assemble_table(checkpoint, kit, names, facts, stopped)
        return apply_baselines(table, kit, baseline, vectors)


def fit_baseline(
    sources: "Sequence[str | os.PathLike[str]]",
    kit: Analyzer,
    *,
    person: str | None = None,
    on_step: OnStep = lambda name, done, total: None,
) -> tuple[Baseline, str]:
    """The face at rest of somebody who is seen in films or pictures, to be used again.

    Args:
        sources: films, or pictures of one person.
        kit: with an embedder, the baseline says whose it is, and others are refused.
        person: whose, as `people` of a table calls them; None: who is measured most often.
        on_step: as for `analyze`.

    Returns:
        The baseline, and who that is.

    Raises:
        BaselineError: nobody of that name, or nobody from the front, is seen.
    """
    require()
    names = [str(source) for source in sources]
    with tempfile.TemporaryDirectory(prefix="mien-") as place, one_thread():
        checkpoint = RowCheckpoint(Path(place), kit.columns(), {"inputs": names})
        stopped = _run(names, kit, checkpoint, on_step)
        if stopped:
            raise MienError(f"The run was stopped ({stopped}); run it again.")
        table, vectors = assemble_table(checkpoint, kit, names, {}, None)
    return fit_person_baseline(table, kit, vectors, person)


def settings(kit: Analyzer) -> dict[str, Any]:
    """All but the sources that decides what is seen."""
    return {
        "every": kit.every,
        "searched": EVERY if kit.names else SEARCHED,
        "points": kit.points,
        "fov": kit.fov,
        "turns": kit.pipeline.turns,
        "models": {step: model.partition(" on ")[0] for step, model in kit.models.items()},
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


def _run(names: list[str], kit: Analyzer, checkpoint: RowCheckpoint, on_step: OnStep) -> str | None:
    """Analyse all sources that are not done yet; give the reason if that did not end."""
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
                _picture(name, number, kit, checkpoint)
                on_step("pictures", done, pictures)
            else:
                run = _FilmRun(name, number, kit, checkpoint, on_step)
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


def _picture(name: str, number: int, kit: Analyzer, checkpoint: RowCheckpoint) -> None:
    """One photo; one that cannot be read has a row that says so."""
    recording: State = {"input": name, "kind": "picture", "complete": True, "reason": None}
    state: State = {"source": number, "done": True, "recording": recording, "segments": []}
    try:
        image = read_image(name)
    except ImageError as error:
        recording |= {"complete": False, "reason": "unreadable", "detail": str(error)}
        row = FaceRow({"frame": 0, "time": np.nan, "reason": "unreadable"})
        checkpoint.add(name, [row], state)
        return
    rows, segment = analyze_image(kit, image)
    recording |= {"height": image.shape[0], "width": image.shape[1]}
    if segment is not None:
        state["segments"] = [segment_to_row(segment)]
    checkpoint.add(name, rows, state)


class _FilmRun:
    """One film on its way into parts; half seconds are its units."""

    def __init__(
        self, name: str, number: int, kit: Analyzer, checkpoint: RowCheckpoint, on_step: OnStep
    ) -> None:
        self._name, self._number = name, number
        self._checkpoint, self._on_step = checkpoint, on_step
        self._measure = FrameAnalyzer(kit)
        self._engine = FilmEngine(kit.scanner(), self._measure)
        self._rows: list[FaceRow] = []
        self._facts: State = {"cuts": 0, "frames": 0, "dropped": 0, "damaged": 0}
        self._last: tuple[float, int] | None = None  # time and number of the last frame
        self._offset: int | None = 0
        self._owed = 0  # damaged packets that no missing frame accounts for yet
        self._step = np.inf  # s between two frames, the shortest so far

    def __call__(self, going: State | None, before: Iterable[Segment]) -> None:
        """Analyse until the film is over, from the state of an earlier run if there is one.

        Args:
            going: the state to go on from.
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
            # A little is read again, so that a cut right at the start and whole clips are seen.
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
        """A frame of an earlier run: it shows how its numbers differ from ours, and its chips."""
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
        """Rows for the frames that are missing before this one, if the decoder met damage."""
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
        """End a half second, or the film."""
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
