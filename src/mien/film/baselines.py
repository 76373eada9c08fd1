"""Second pass over a table: baselines, action units and facial events of each person."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mien.behaviour import (
    AU_UNITS,
    REPLACED,
    Baseline,
    BaselineError,
    action_units,
    events,
    join_readings,
    smiles,
)
from mien.behaviour.baselines import STEP
from mien.film.analyzer import Analyzer
from mien.landmarks import UNITS
from mien.tables import Column, Table
from mien.types import Doubles, Floats

SOONEST = 2.0  # s of measured face below which no baseline is fitted to a film
ABOUT = "relative to the person's neutral face, see `baselines` in the file's facts"
READ = "action-units"  # task of heads that read units off the pixels
HEAD = {
    "_p": ("probability", "read off the pixels, where half of the faces show it; held for 0.3 s"),
    "_c": ("0 or 1", "read off the pixels: 1 shown, 0 absent; missing: undecided or not read"),
}  # suffix -> unit and about of the columns that a head gives
SMILING = "the face smiles in all of its neutral frames, so AU12 is missing"
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
    read: dict[str, tuple[Doubles, Doubles]]  # unit -> (T,) probability, (T,) shown; by a head

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
    columns = _unit_columns(table)
    values = {column.name: np.full(len(table.data), np.nan) for column in columns}
    happened: list[dict[str, Any]] = []
    used = []
    for one in seen:
        rest, why = chosen[one.where, one.who]
        record: dict[str, Any] = {"input": one.where, "who": one.who, "why": why}
        if rest is not None:
            record |= {"mode": rest.mode, "frames": rest.frames, "seconds": rest.seconds}
            record["why"] += f"; {SMILING}" if smiles(rest) else ""
        estimated = {} if rest is None else action_units(one.columns, rest)
        probability = {unit: pair[0] for unit, pair in one.read.items()}
        shown = {unit: pair[1] for unit, pair in one.read.items()}
        found = join_readings(one.times, estimated, probability, shown)
        for name, numbers in found.items():
            values[name][one.rows] = numbers
        if one.film:
            happened += _happened(one, {**one.columns, **found})
        used.append(record)
    table.facts["baselines"] = used
    return table.with_columns(columns, values).with_events(happened)


def _unit_columns(table: Table) -> list[Column]:
    """Return the columns of action units: of the estimate, and of a head if there is one."""
    mesh = table.columns["yaw"].model
    found = {name: Column(name, unit, "aus", about=ABOUT, model=mesh)
             for name, unit in AU_UNITS.items()}  # fmt: skip
    for unit, (source, _) in _read_units(table).items():
        model = table.columns[source].model
        for end, (scale, about) in HEAD.items():
            joined = end == "_c" or unit in REPLACED or f"{unit}_p" not in found
            if joined:
                found[unit + end] = Column(unit + end, scale, "aus", about=about, model=model)
        for name, column in found.items():
            if unit in REPLACED and name.startswith(f"{unit}_r"):
                found[name] = replace(column, about=f"{ABOUT}; 0 and missing as `{unit}_c` says")
    return list(found.values())


def _read_units(table: Table) -> dict[str, tuple[str, str]]:
    """Return unit ("AU12") -> columns of its probability and of whether it is shown, by a head."""
    pairs = read_pairs(name for name, column in table.columns.items() if column.group == READ)
    return {unit: pair for unit, pair in pairs.items() if pair[1] in table.columns}


def read_pairs(columns: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return unit ("AU12") -> columns of its probability and of whether it is shown, of a head."""
    return {
        name.rpartition("_")[2].upper(): (name, name.replace("units_", "units_shown_"))
        for name in columns
        if name.startswith("action_units_au")
    }


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
    units = _read_units(table)
    found = []
    for (where, who), part in data[data["track"].notna()].groupby(["input", "who"], sort=False):
        film = where in films
        if film:
            part = part.sort_values("time").drop_duplicates("time")
        times = part["time"].to_numpy(float) if film else np.arange(len(part), dtype=float)
        columns = {name: part[name].to_numpy(float) for name in UNITS}
        read = {u: (part[p].to_numpy(float), part[s].to_numpy(float))
                for u, (p, s) in units.items()}  # fmt: skip
        found.append(Seen(where, who, part.index.to_numpy(), times, film, columns, read))
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
