"""The second pass over rows: who the tracks are, and the facts of each recording."""

from typing import Any

from mien.pipeline.film import FLEETING
from mien.pipeline.journal import stretch_of
from mien.pipeline.keeping import Keeping, State
from mien.pipeline.kit import Kit
from mien.pipeline.naming import Search, name_tracks
from mien.tables import Column, Table
from mien.track import Gathering


def sum_up(
    keeping: Keeping, kit: Kit, names: list[str], facts: dict[str, Any], stopped: str | None
) -> Table:
    """Make the table of all that was seen.

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
    if kit.names:
        person: Column = table.columns["person"]
        table = table.with_columns([person], {"person": _people(table, states, kit)})
    return table


def _recordings(states: list[State], names: list[str], stopped: str | None) -> list[State]:
    """One row a source: the last that is known of it."""
    last = {state["recording"]["input"]: dict(state["recording"]) for state in states}
    for name in names:
        known = last.setdefault(name, {"input": name, "complete": False, "reason": stopped})
        if stopped and not known["complete"] and not known.get("reason"):
            known["reason"] = stopped
    return [last[name] for name in names]


def _people(table: Table, states: list[State], kit: Kit) -> list[str | None]:
    """The person of each row; people of different films bear one name only if the gallery does."""
    search = None
    calibration = kit.pipeline.calibrated()
    if kit.pipeline.gallery is not None:
        pipeline = kit.pipeline
        search = Search(kit.pipeline.gallery, calibration, pipeline.fpir, pipeline.prior)
    owner: dict[tuple[str, int], str] = {}
    for name in dict.fromkeys(state["recording"]["input"] for state in states):
        rows = [s["stretch"] for s in states if s["recording"]["input"] == name and "stretch" in s]
        film = any(s["recording"]["kind"] == "film" for s in states
                   if s["recording"]["input"] == name)  # fmt: skip
        gathering = Gathering(fewest=_fewest(states, name) if film else 1)
        for row in rows:
            gathering.take(stretch_of(row))
        _, people = name_tracks(gathering.tracks(), gathering.together, search, calibration)
        owner |= {(name, track): one.person for one in people for track in one.tracks}
    tracks = table.data["track"].to_numpy(float, na_value=-1).astype(int).tolist()
    return [owner.get(pair) for pair in zip(table.data["input"], tracks, strict=True)]


def _fewest(states: list[State], name: str) -> int:
    """Looks below which a track is a flicker of the detector."""
    rate = next((s["recording"].get("rate") for s in states
                 if s["recording"]["input"] == name), None)  # fmt: skip
    return max(1, round(FLEETING * (rate or 25)))
