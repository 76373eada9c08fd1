"""The second pass over rows: who the tracks are, and the facts of each recording."""

from typing import Any

import numpy as np

from mien.pipeline.film import FLEETING
from mien.pipeline.journal import stretch_of
from mien.pipeline.keeping import Keeping, State
from mien.pipeline.kit import Kit
from mien.pipeline.naming import Search, name_tracks
from mien.pipeline.resting import Vectors
from mien.tables import Column, Table
from mien.track import Gathering
from mien.types import Floats, Track


def sum_up(
    keeping: Keeping, kit: Kit, names: list[str], facts: dict[str, Any], stopped: str | None
) -> tuple[Table, Vectors]:
    """Make the table of all that was seen, and tell what people look like.

    Args:
        keeping: the rows.
        kit: what they were made with.
        names: all sources.
        facts: version, models, licences, settings.
        stopped: why the run did not come to its end, if so.
    """
    parts = keeping.parts()
    states = [state for part in parts for state in part.state["all"]]
    recordings = _recordings(states, names, stopped)
    table = Table.of(parts, keeping.columns, recordings=recordings, facts=facts)
    vectors: Vectors = {}
    if kit.names:
        person: Column = table.columns["person"]
        persons, vectors = _people(table, states, kit)
        table = table.with_columns([person], {"person": persons})
    return table, vectors


def _recordings(states: list[State], names: list[str], stopped: str | None) -> list[State]:
    """One row a source: the last that is known of it."""
    last = {state["recording"]["input"]: dict(state["recording"]) for state in states}
    for name in names:
        known = last.setdefault(name, {"input": name, "complete": False, "reason": stopped})
        if stopped and not known["complete"] and not known.get("reason"):
            known["reason"] = stopped
    return [last[name] for name in names]


def _people(table: Table, states: list[State], kit: Kit) -> tuple[list[str | None], Vectors]:
    """The person of each row, and what people look like.

    People of different films bear one name only if the gallery knows them.
    """
    search = None
    calibration = kit.pipeline.calibrated()
    if kit.pipeline.gallery is not None:
        pipeline = kit.pipeline
        search = Search(kit.pipeline.gallery, calibration, pipeline.fpir, pipeline.prior)
    owner: dict[tuple[str, int], str] = {}
    vectors: Vectors = {}
    for name in dict.fromkeys(state["recording"]["input"] for state in states):
        mine = [state for state in states if state["recording"]["input"] == name]
        film = mine[-1]["recording"]["kind"] == "film"
        gathering = Gathering(fewest=_fewest(mine) if film else 1)
        for state in mine:
            if "stretch" in state:
                gathering.take(stretch_of(state["stretch"]))
        tracks = gathering.tracks()
        _, people = name_tracks(tracks, gathering.together, search, calibration)
        owner |= {(name, track): one.person for one in people for track in one.tracks}
        for one in people:
            vector = _vector([track for track in tracks if track.number in one.tracks])
            if vector is not None:
                vectors[name, one.person] = vector
    tracks_of = table.data["track"].to_numpy(float, na_value=-1).astype(int).tolist()
    return [owner.get(pair) for pair in zip(table.data["input"], tracks_of, strict=True)], vectors


def _vector(tracks: list[Track]) -> Floats | None:
    """The mean of what tracks look like, weighted by how often they were seen."""
    parts = [(track.vector, track.looks) for track in tracks if track.vector is not None]
    if not parts:
        return None
    total: Floats = np.average([v for v, _ in parts], axis=0, weights=[n for _, n in parts])
    return total.astype(np.float32)


def _fewest(states: list[State]) -> int:
    """Looks below which a track is a flicker of the detector."""
    return max(1, round(FLEETING * (states[0]["recording"].get("rate") or 25)))
