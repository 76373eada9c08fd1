"""Assembly of rows and segments into one table: identities, and facts of each recording."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mien.contracts import Change
from mien.film.analyzer import Analyzer
from mien.film.baselines import Vectors
from mien.film.checkpoint import RowCheckpoint, State
from mien.film.identities import identify_tracks, open_search
from mien.film.scanner import EVERY
from mien.film.segment_log import segment_from_row
from mien.media import read_change
from mien.tables import Column, Part, Table
from mien.track import TrackBuilder, fewest_observations
from mien.types import Floats, Identity, Track


def assemble_table(
    checkpoint: RowCheckpoint,
    analyzer: Analyzer,
    names: list[str],
    facts: dict[str, Any],
    stopped: str | None,
) -> tuple[Table, Vectors]:
    """Assemble the table of all rows, and the mean embedding of each person.

    Args:
        checkpoint: the rows.
        analyzer: the models of the rows.
        names: all sources.
        facts: version, models, licences, settings.
        stopped: the reason, if the run is incomplete.
    """
    states = _States(analyzer.names)
    table = Table.of(states.read(checkpoint.parts()), checkpoint.columns, facts=facts)
    table = table.with_recordings(_recordings(states.recordings, names, stopped))
    vectors: Vectors = {}
    if analyzer.names:
        person: Column = table.columns["person"]
        persons, vectors, facts["people"] = _people(table, states.tracks, analyzer)
        table = table.with_columns([person], {"person": persons})
    return table, vectors


class _States:
    """The states of the parts that are kept while their rows are read."""

    def __init__(self, names: bool) -> None:
        self._names = names
        self.recordings: dict[str, State] = {}  # input -> its last known state
        self.tracks: dict[str, TrackBuilder] = {}  # input -> its tracks

    def read(self, parts: Iterable[Part]) -> Iterator[Part]:
        """Pass the parts on, and record their states."""
        for part in parts:
            for state in part.state["all"]:
                self._take(state)
            yield part

    def _take(self, state: State) -> None:
        recording = state["recording"]
        name = recording["input"]
        self.recordings[name] = dict(recording)
        if not self._names:
            return
        film = recording["kind"] == "film"
        if name not in self.tracks:
            self.tracks[name] = TrackBuilder(fewest=fewest_observations(EVERY) if film else 1)
        builder = self.tracks[name]
        for row in state["segments"]:
            builder.take(segment_from_row(row))
        if film and recording["complete"]:
            last_frame = recording["seconds"] + 1 / (recording["rate"] or 25.0)
            builder.finish(min(builder.seconds + EVERY, last_frame))


def _recordings(last: dict[str, State], names: list[str], stopped: str | None) -> list[State]:
    """Return one row per source: its last known state."""
    for name in names:
        known = last.setdefault(name, {"input": name, "complete": False, "reason": stopped})
        if stopped and not known["complete"] and not known.get("reason"):
            known["reason"] = stopped
    return [last[name] for name in names]


def _people(
    table: Table, builders: dict[str, TrackBuilder], analyzer: Analyzer
) -> tuple[list[str | None], Vectors, list[dict[str, Any]]]:
    """Return the person of each row, mean embeddings, and a record of each person.

    People of different films have the same name only if the gallery contains them.
    """
    calibration = analyzer.pipeline.calibrated()
    owner: dict[tuple[str, int], str] = {}
    vectors: Vectors = {}
    records: list[dict[str, Any]] = []
    for name, builder in builders.items():
        tracks = builder.tracks()
        if not tracks:  # it may be unreadable, so what it is declared to be is not asked for
            continue
        search = open_search(analyzer.pipeline, _declared(name))
        _, people = identify_tracks(tracks, builder.together, search, calibration)
        owner |= {(name, track): one.person for one in people for track in one.tracks}
        for one in people:
            vector = _vector([track for track in tracks if track.number in one.tracks])
            if vector is not None:
                vectors[name, one.person] = vector
            records.append(_record(name, one))
    tracks_of = table.data["track"].to_numpy(float, na_value=-1).astype(int).tolist()
    persons = [owner.get(pair) for pair in zip(table.data["input"], tracks_of, strict=True)]
    return persons, vectors, records


def _declared(name: str) -> Change | None:
    """What an input is declared to be; an input that is gone or live declares nothing."""
    return read_change(name) if Path(name).is_file() else None


def _record(name: str, one: Identity) -> dict[str, Any]:
    """Return one person of one input as a JSON object."""
    decision = one.decision
    return {
        "input": name,
        "person": one.person,
        "seconds": round(one.seconds, 3),
        "outcome": decision.outcome if decision else None,
        "candidate": decision.likely if decision else None,
        "probability": decision.probability if decision else None,
    }


def _vector(tracks: list[Track]) -> Floats | None:
    """Return the mean embedding of tracks, weighted by their observations."""
    parts = [(track.vector, track.observations) for track in tracks if track.vector is not None]
    if not parts:
        return None
    total: Floats = np.average([v for v, _ in parts], axis=0, weights=[n for _, n in parts])
    return total.astype(np.float32)
