"""Second pass over a table: baselines, action units and facial events of each person."""

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

SOONEST = 2.0  # s of measured face below which no baseline is fitted to a film
ABOUT = "relative to the person's neutral face, see `baselines` in the file's facts"
Vectors = dict[tuple[str, str], Floats]  # (input, who) -> mean embedding


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """All rows of one person in one input, in the order of time."""

    where: str
    who: str
    rows: Any  # (T,) places in the table
    times: Doubles  # (T,) seconds; 0, 1, 2 ... for images
    film: bool
    columns: dict[str, Doubles]  # name of UNITS -> (T,)

    @property
    def seconds(self) -> float:
        """Return the measured duration of the face."""
        steps = np.diff(self.times[np.isfinite(self.columns["mouth_width"])])
        return float(steps[steps <= STEP].sum())


def apply_baselines(
    table: Table, analyzer: Analyzer, baseline: Baseline | None, vectors: Vectors
) -> Table:
    """Add action units and events.

    Args:
        table: with measures.
        analyzer: the models of the table.
        baseline: of the person who is expected; None: fitted per person to the film.
        vectors: mean embeddings of the people that were embedded.

    Returns:
        The table with the columns of mien.behaviour.AU_UNITS and events; its facts list the
        baseline of each person.

    Raises:
        BaselineError: the person of the baseline is not in the table.
    """
    seen = _seen(table)
    chosen = _chosen(seen, analyzer, baseline, vectors)
    values = {name: np.full(len(table.data), np.nan) for name in AU_UNITS}
    happened: list[dict[str, Any]] = []
    used = []
    for one in seen:
        rest, why = chosen[one.where, one.who]
        record: dict[str, Any] = {"input": one.where, "who": one.who, "why": why}
        if rest is not None:
            record |= {"mode": rest.mode, "frames": rest.frames, "seconds": rest.seconds}
            found = action_units(one.columns, rest)
            for name, numbers in found.items():
                values[name][one.rows] = numbers
            if one.film:
                happened += _happened(one, {**one.columns, **found})
        elif one.film:
            happened += _happened(one, one.columns)
        used.append(record)
    mesh = table.columns["yaw"].model
    columns = [Column(name, unit, "aus", about=ABOUT, model=mesh)
               for name, unit in AU_UNITS.items()]  # fmt: skip
    table.facts["baselines"] = used
    return table.with_columns(columns, values).with_events(happened)


def fit_person_baseline(
    table: Table, analyzer: Analyzer, vectors: Vectors, person: str | None = None
) -> tuple[Baseline, str]:
    """Fit the baseline of a person in a table; see mien.film.fit_baseline."""
    counts: dict[str, int] = {}
    seen = _seen(table)
    for one in seen:
        measured = int(np.isfinite(one.columns["mouth_width"]).sum())
        counts[one.who] = counts.get(one.who, 0) + measured
    if not counts:
        raise BaselineError("No face was found, so no baseline can be fitted; give other images.")
    if person is not None and person not in counts:
        raise BaselineError(f"No person is named '{person}': expected one of {', '.join(counts)}.")
    who = person or max(counts, key=lambda name: counts[name])
    # Times of all sources are concatenated; gaps between them do not count.
    parts, start = [], 0.0
    for one in seen:
        if one.who == who:
            parts.append((one, start))
            start += float(one.times[-1]) + 1.0
    times = np.concatenate([one.times + shift for one, shift in parts])
    columns = {n: np.concatenate([one.columns[n] for one, _ in parts]) for n in UNITS}
    vector = next((v for (_, name), v in vectors.items() if name == who), None)
    embedder = analyzer.pipeline.embedder
    if vector is None or embedder is None:
        return Baseline.fit(times, columns), who
    unit = vector / np.linalg.norm(vector)
    return Baseline.fit(times, columns, vector=unit, contract=embedder.contract), who


def _seen(table: Table) -> list[Seen]:
    """Return the people of all inputs."""
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
    seen: Sequence[Seen], analyzer: Analyzer, given: Baseline | None, vectors: Vectors
) -> dict[tuple[str, str], tuple[Baseline | None, str]]:
    """Return the baseline of each person, and a sentence that explains the choice."""
    refused = None
    found: dict[tuple[str, str], tuple[Baseline | None, str]] = {}
    fits = 0
    for one in seen:
        key = one.where, one.who
        if given is not None:
            try:
                check_whose(given, analyzer, vectors.get(key))
                found[key] = given, "the supplied baseline"
                fits += 1
                continue
            except BaselineError as error:
                refused = refused or error
        found[key] = _own(one)
    if given is not None and seen and not fits and refused:
        raise refused
    return found


def check_whose(given: Baseline, analyzer: Analyzer, vector: Floats | None) -> None:
    """Check that a baseline belongs to a person, if it stores an embedding.

    Raises:
        BaselineError: it belongs to another person, or the face cannot be compared.
    """
    if given.vector is None:
        return
    if vector is None:
        raise BaselineError(
            "This baseline is bound to one person, but no face was clear enough to embed; without "
            "--baseline, the film's own baseline is used."
        )
    assert analyzer.pipeline.embedder is not None
    given.check_person(vector, analyzer.pipeline.embedder.contract, analyzer.pipeline.calibrated())


def _own(one: Seen) -> tuple[Baseline | None, str]:
    """Fit the baseline of one person to the whole film."""
    if not one.film:
        return Baseline.average(), "an image: average baseline, so no probabilities"
    if one.seconds < SOONEST:
        why = f"seen for less than {SOONEST:g} s: average baseline, so no probabilities"
        return Baseline.average(), why
    try:
        return Baseline.fit(one.times, one.columns), "fitted to the whole film"
    except BaselineError as error:
        return None, str(error)


def _happened(one: Seen, columns: dict[str, Doubles]) -> list[dict[str, Any]]:
    found = events(one.times, columns)
    return [{"input": one.where, "who": one.who, **event.row()} for event in found]
