"""The second pass over a table: each person against their own face at rest, and what happened."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mien.behaviour import AU_UNITS, Baseline, BaselineError, action_units, events
from mien.behaviour.baselines import STEP
from mien.film.analyzer import Analyzer
from mien.landmarks import UNITS
from mien.tables import Column, Table
from mien.types import Doubles, Floats

SOONEST = 2.0  # s of seen face below which a film does not tell how somebody is at rest
ABOUT = "against the person's own rest, see `baselines` in the file's facts"
Vectors = dict[tuple[str, str], Floats]  # input and who -> what they look like


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """All rows of somebody in one input, in the order of time."""

    where: str
    who: str
    rows: Any  # (T,) places in the table
    times: Doubles  # (T,) seconds; 0, 1, 2 ... of pictures
    film: bool
    columns: dict[str, Doubles]  # name of UNITS -> (T,)

    @property
    def seconds(self) -> float:
        """How long the face was measured."""
        steps = np.diff(self.times[np.isfinite(self.columns["mouth_width"])])
        return float(steps[steps <= STEP].sum())


def apply_baselines(
    table: Table, kit: Analyzer, baseline: Baseline | None, vectors: Vectors
) -> Table:
    """Add action units and events.

    Args:
        table: with measures.
        kit: they were made with.
        baseline: of a person who is expected to be seen; None: of each, from their own film.
        vectors: what people look like, as far as they were embedded.

    Returns:
        The table with the columns of mien.behaviour.AU_UNITS, events, and in its facts which
        baseline was used for whom.

    Raises:
        BaselineError: the baseline is of somebody who is not there.
    """
    seen = _seen(table)
    chosen = _chosen(seen, kit, baseline, vectors)
    values = {name: np.full(len(table.data), np.nan) for name in AU_UNITS}
    happened: list[dict[str, Any]] = []
    used = []
    for one in seen:
        rest, why = chosen[one.where, one.who]
        told: dict[str, Any] = {"input": one.where, "who": one.who, "why": why}
        if rest is not None:
            told |= {"mode": rest.mode, "frames": rest.frames, "seconds": rest.seconds}
            found = action_units(one.columns, rest)
            for name, numbers in found.items():
                values[name][one.rows] = numbers
            if one.film:
                happened += _happened(one, {**one.columns, **found})
        elif one.film:
            happened += _happened(one, one.columns)
        used.append(told)
    mesh = table.columns["yaw"].model
    columns = [Column(name, unit, "aus", about=ABOUT, model=mesh)
               for name, unit in AU_UNITS.items()]  # fmt: skip
    table.facts["baselines"] = used
    return table.with_columns(columns, values).with_events(happened)


def fit_person_baseline(
    table: Table, kit: Analyzer, vectors: Vectors, person: str | None = None
) -> tuple[Baseline, str]:
    """The rest of somebody in a table; see mien.film.fit_baseline."""
    counts: dict[str, int] = {}
    seen = _seen(table)
    for one in seen:
        measured = int(np.isfinite(one.columns["mouth_width"]).sum())
        counts[one.who] = counts.get(one.who, 0) + measured
    if not counts:
        raise BaselineError("No face is seen, so there is no face at rest; give other pictures.")
    if person is not None and person not in counts:
        raise BaselineError(f"Nobody is called '{person}'; there are {', '.join(counts)}.")
    who = person or max(counts, key=lambda name: counts[name])
    # One moment behind the other, so that all sources count; a gap between them is no time.
    parts, start = [], 0.0
    for one in seen:
        if one.who == who:
            parts.append((one, start))
            start += float(one.times[-1]) + 1.0
    times = np.concatenate([one.times + shift for one, shift in parts])
    columns = {n: np.concatenate([one.columns[n] for one, _ in parts]) for n in UNITS}
    vector = next((v for (_, name), v in vectors.items() if name == who), None)
    embedder = kit.pipeline.embedder
    if vector is None or embedder is None:
        return Baseline.fit(times, columns), who
    unit = vector / np.linalg.norm(vector)
    return Baseline.fit(times, columns, vector=unit, contract=embedder.contract), who


def _seen(table: Table) -> list[Seen]:
    """Everybody of every input."""
    data = table.data.assign(who=table.who)
    films = set(table.recordings[table.recordings["kind"] == "film"]["input"]) if len(
        table.recordings) and "kind" in table.recordings else set()  # fmt: skip
    found = []
    for (where, who), part in data[data["track"].notna()].groupby(["input", "who"], sort=False):
        film = where in films
        if film:
            part = part.sort_values("time").drop_duplicates("time")
        times = part["time"].to_numpy(float) if film else np.arange(len(part), dtype=float)
        columns = {name: part[name].to_numpy(float) for name in UNITS}
        found.append(Seen(where, who, part.index.to_numpy(), times, film, columns))
    return found


def _chosen(
    seen: Sequence[Seen], kit: Analyzer, given: Baseline | None, vectors: Vectors
) -> dict[tuple[str, str], tuple[Baseline | None, str]]:
    """The baseline of each, and a sentence that says why that one."""
    refused = None
    found: dict[tuple[str, str], tuple[Baseline | None, str]] = {}
    fits = 0
    for one in seen:
        key = one.where, one.who
        if given is not None:
            try:
                check_whose(given, kit, vectors.get(key))
                found[key] = given, "the baseline that was given"
                fits += 1
                continue
            except BaselineError as error:
                refused = refused or error
        found[key] = _own(one)
    if given is not None and seen and not fits and refused:
        raise refused
    return found


def check_whose(given: Baseline, kit: Analyzer, vector: Floats | None) -> None:
    """Make sure that a baseline is that of a person, as far as it says whose it is.

    Raises:
        BaselineError: it is of somebody else, or the face cannot be compared.
    """
    if given.vector is None:
        return
    if vector is None:
        raise BaselineError(
            "This baseline says whose it is, but no look at the face is clear enough to compare; "
            "without --baseline the film's own is used."
        )
    assert kit.pipeline.embedder is not None
    given.check_person(vector, kit.pipeline.embedder.contract, kit.pipeline.calibrated())


def _own(one: Seen) -> tuple[Baseline | None, str]:
    """Somebody's own rest, from all that the film shows of them."""
    if not one.film:
        return Baseline.average(), "a picture: average people at rest, so no probabilities"
    if one.seconds < SOONEST:
        why = f"seen for less than {SOONEST:g} s: average people at rest, so no probabilities"
        return Baseline.average(), why
    try:
        return Baseline.fit(one.times, one.columns), "their own face at rest in the whole film"
    except BaselineError as error:
        return None, str(error)


def _happened(one: Seen, columns: dict[str, Doubles]) -> list[dict[str, Any]]:
    found = events(one.times, columns)
    return [{"input": one.where, "who": one.who, **event.row()} for event in found]
