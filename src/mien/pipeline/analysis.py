"""What faces show in films and pictures: sources in, one table out."""

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from mien.errors import FilmError, ImageError, MienError
from mien.landmarks import Baseline
from mien.landmarks.following import EVERY as SEARCHED
from mien.media import Film, Frame, is_film, one_thread, open_film, read_image
from mien.pipeline.keeping import Keeping, State
from mien.pipeline.kit import Kit, licences
from mien.pipeline.looking import STRETCH
from mien.pipeline.observing import Observing, Row, observe_picture
from mien.pipeline.resting import fitted, rested
from mien.pipeline.sighting import Sighting
from mien.pipeline.summing_up import sum_up
from mien.tables import Table, require
from mien.track import Look, Shots
from mien.types import Pixels

OnStep = Callable[[str, int, int], None]
GAP = 1.5  # frame distances from which a frame is missing between two, if some were damaged


def analyze(
    sources: "Sequence[str | os.PathLike[str]]",
    kit: Kit,
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
        keeping = Keeping(place, kit.columns(), told)
        stopped = _look(names, kit, keeping, on_step)
        facts = {
            "mien": version("mien"),
            "models": kit.models,
            "licences": licences([model.partition("@")[0] for model in kit.models.values()]),
            "settings": {key: told[key] for key in settings(kit)},
        }
        table, vectors = sum_up(keeping, kit, names, facts, stopped)
        return rested(table, kit, baseline, vectors)


def fit_baseline(
    sources: "Sequence[str | os.PathLike[str]]",
    kit: Kit,
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
        keeping = Keeping(Path(place), kit.columns(), {"inputs": names})
        stopped = _look(names, kit, keeping, on_step)
        if stopped:
            raise MienError(f"The run was stopped ({stopped}); run it again.")
        table, vectors = sum_up(keeping, kit, names, {}, None)
    return fitted(table, kit, vectors, person)


def settings(kit: Kit) -> dict[str, Any]:
    """All but the sources that decides what is seen."""
    return {
        "every": kit.every,
        "searched": SEARCHED,
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


def _look(names: list[str], kit: Kit, keeping: Keeping, on_step: OnStep) -> str | None:
    """Look at all sources that are not done yet; give the reason if that did not end."""
    pictures = sum(not is_film(name) for name in names)
    done = 0
    try:
        for number, name in enumerate(names):
            picture = not is_film(name)
            state = keeping.last
            if state and (state["source"], state["done"]) > (number, False):
                done += picture
                continue
            going = state if state and state["source"] == number else None
            if picture:
                done += 1
                _picture(name, number, kit, keeping)
                on_step("pictures", done, pictures)
            else:
                _FilmRun(name, number, kit, keeping, on_step)(going)
        keeping.flush()
    except KeyboardInterrupt:
        return _kept(keeping) or "interrupted"
    except MienError:
        return "full"
    return None


def _kept(keeping: Keeping) -> str | None:
    try:
        keeping.flush()
    except MienError:
        return "full"
    return None


def _picture(name: str, number: int, kit: Kit, keeping: Keeping) -> None:
    """One picture; one that cannot be read has a row that says so."""
    recording: State = {"input": name, "kind": "picture", "complete": True, "reason": None}
    state: State = {"source": number, "done": True, "recording": recording}
    try:
        image = read_image(name)
    except ImageError as error:
        recording |= {"complete": False, "reason": "unreadable", "detail": str(error)}
        row = Row({"frame": 0, "time": np.nan, "reason": "unreadable"})
        keeping.add(name, [row], state)
        return
    rows = observe_picture(kit, image)
    recording |= {"height": image.shape[0], "width": image.shape[1]}
    faces = tuple(row.face for row in rows if row.face)
    if faces and kit.names and kit.pipeline.embedder:
        sighting = Sighting(kit.pipeline.embedder)
        sighting.see(image, Look(0, 0.0, False, faces))
        state["stretch"] = sighting.end(STRETCH)
    keeping.add(name, rows, state)


class _FilmRun:
    """One film on its way into parts; half seconds are its units."""

    def __init__(self, name: str, number: int, kit: Kit, keeping: Keeping, on_step: OnStep) -> None:
        self._name, self._number, self._kit = name, number, kit
        self._keeping, self._on_step = keeping, on_step
        self._observing = Observing(kit)
        embedder = kit.pipeline.embedder if kit.names else None
        self._sighting = Sighting(embedder) if embedder else None
        self._rows: list[Row] = []
        self._facts: State = {"cuts": 0, "frames": 0, "dropped": 0, "damaged": 0}
        self._last: tuple[float, int] | None = None  # time and number of the last frame
        self._offset: int | None = 0
        self._owed = 0  # damaged packets that no missing frame accounts for yet
        self._step = np.inf  # s between two frames, the shortest so far

    def __call__(self, going: State | None) -> None:
        """Look until the film is over, from the state of an earlier run if there is one."""
        try:
            film = open_film(self._name)
        except FilmError as error:
            self._unreadable(error)
            return
        with film:
            start = self._resume(going) if going else -1.0
            total = round(film.duration or 0)
            damaged = self._facts["damaged"]
            # One stretch is read again, so that a cut right at the start is seen.
            early = max(0.0, start - STRETCH)
            reason = None
            try:
                for frame in film.frames(start=early, glance=Shots()):
                    if frame.time <= start + 1e-9:
                        self._again(frame)
                        continue
                    self._take(frame, film, damaged)
                    self._on_step("film", min(round(frame.time), total or 1 << 60), total)
            except FilmError:  # it stalled
                reason = "lost"
            self._end(film, reason or film.reason, done=True)
            self._on_step("film", total, total)

    def _resume(self, going: State) -> float:
        self._observing.resume(going["observing"])
        self._facts, self._step = going["facts"], going["step"] or np.inf
        self._last = (going["last"][0], going["last"][1])
        self._offset = None
        return self._last[0]

    def _again(self, frame: Frame) -> None:
        """A frame that was seen in an earlier run tells how its numbers differ from ours."""
        if self._last and abs(frame.time - self._last[0]) < 1e-6:
            self._offset = self._last[1] - frame.number

    def _take(self, frame: Frame, film: Film, damaged: int) -> None:
        if self._last and int(frame.time / STRETCH) > int(self._last[0] / STRETCH):
            self._end(film, None, done=False)
        number = frame.number + (self._offset or 0)
        self._rows += self._missing(frame.time, film.counts.damaged + damaged, frame.damaged)
        self._facts["cuts"] += frame.cut
        self._facts["frames"] += 1
        self._facts["height"], self._facts["width"] = frame.image.shape[:2]
        if frame.damaged:
            keys = {"frame": number, "time": frame.time, "reason": "decoder-drop"}
            self._rows.append(Row(keys))
            self._facts["dropped"] += 1
        else:
            self._observe(frame.image, frame, number)
        self._last = (frame.time, number)

    def _observe(self, image: Pixels, frame: Frame, number: int) -> None:
        rows = self._observing(image, frame.time, number, cut=frame.cut)
        self._rows += rows
        if self._sighting:
            faces = tuple(row.face for row in rows if row.face)
            self._sighting.see(image, Look(number, frame.time, frame.cut, faces))

    def _missing(self, time: float, damaged: int, marked: bool) -> list[Row]:
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
            rows = [Row({"time": t, "reason": "decoder-drop"}) for t in times]
            self._owed = 0
            self._facts["dropped"] += count
        self._step = min(self._step, between)
        return rows

    def _end(self, film: Film, reason: str | None, *, done: bool) -> None:
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
            "observing": None if done else self._observing.state(),
        }
        if self._sighting:
            state["stretch"] = self._sighting.end(self._last[0] + 1e-6 if self._last else 0.0)
        self._keeping.add(self._name, self._rows, state)
        self._rows = []

    def _unreadable(self, error: FilmError) -> None:
        recording = {"input": self._name, "kind": "film", "complete": False,
                     "reason": "unreadable", "detail": str(error)}  # fmt: skip
        row = Row({"frame": 0, "time": np.nan, "reason": "unreadable"})
        state = {"source": self._number, "done": True, "recording": recording}
        self._keeping.add(self._name, [row], state)
