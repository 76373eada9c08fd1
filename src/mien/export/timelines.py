"""Appearances of people for editing programs: EDL (CMX3600) and OpenTimelineIO.

Both refer to the film from its first frame on, which is 00:00:00:00.
"""

import json
from pathlib import Path

from mien.errors import FilmError
from mien.export.saved import Row, films
from mien.media import open_film, write_bytes

EVENTS = 999  # of a CMX3600 list, which numbers them with three digits
NAME = 60  # characters of a comment: some programs cut longer lines


def write_edl(rows: list[Row], place: Path, rate: float | None) -> int:
    """Write one list per film: its appearances one after another; return the number of files.

    An edit decision list has one track, so people who are on screen together follow each other.
    More than 999 appearances go on in `NAME-2.edl`. Timecode is non-drop: it counts frames, so at
    29.97 frames per second it is not the time of day.

    Raises:
        MienError: a file cannot be written, or a frame rate is not known.
    """
    count = 0
    for row, stem in named(films(rows), place):
        spans, frames = row["appearances"], frame_rate(row, rate)
        for start in range(0, max(len(spans), 1), EVENTS):
            count += 1
            tail = f"-{start // EVENTS + 1}" if start else ""
            text = _edl(row, spans[start : start + EVENTS], frames)
            write_bytes(place / f"{stem}{tail}.edl", text.encode("utf-8", "replace"))
    return count


def _edl(row: Row, spans: list[Row], rate: float) -> str:
    film, record = Path(row["film"]).name, 0
    lines = [f"TITLE: {_line(film)}", "FCM: NON-DROP FRAME", ""]
    for number, one in enumerate(spans, 1):
        start, length = _frames(one, rate)
        times = (start, start + length, record, record + length)
        codes = " ".join(timecode(frame, rate) for frame in times)
        lines += [
            f"{number:03d}  AX       V     C        {codes}",
            f"* FROM CLIP NAME: {_line(film)}",
            f"* COMMENT: {_line(one['label'])}",
            "",
        ]
        record += length
    return "\n".join(lines)


def write_otio(rows: list[Row], place: Path, rate: float | None) -> int:
    """Write one timeline per film with a track per person; return the number of files.

    Source: OpenTimelineIO file format, schemas Timeline.1, Stack.1, Track.1, Clip.2, Gap.1.

    Raises:
        MienError: a file cannot be written, or a frame rate is not known.
    """
    found = named(films(rows), place)
    for row, stem in found:
        text = json.dumps(_timeline(row, frame_rate(row, rate)), ensure_ascii=False, indent=1)
        write_bytes(place / f"{stem}.otio", text.encode("utf-8", "replace"))
    return len(found)


def _timeline(row: Row, rate: float) -> Row:
    labels = dict.fromkeys(one["label"] for one in row["appearances"])
    tracks = [_track(label, row, rate) for label in labels]
    return {
        "OTIO_SCHEMA": "Timeline.1",
        "name": f"People in {Path(row['film']).name}",
        "global_start_time": _time(0, rate),
        "metadata": {},
        "tracks": {**_item("Stack.1", "tracks"), "children": tracks},
    }


def _track(label: str, row: Row, rate: float) -> Row:
    """Return the clips of one person, with gaps so that each lies at its time in the film."""
    children: list[Row] = []
    whole, at = round(row["seconds"] * rate), 0
    for one in row["appearances"]:
        if one["label"] != label:
            continue
        start, length = _frames(one, rate)
        if start > at:
            children.append({**_item("Gap.1", ""), "source_range": _range(at, start - at, rate)})
        length -= max(at - start, 0)  # rounding can make neighbours share a frame
        start = max(at, start)
        if length > 0:
            children.append(_clip(label, one, row["film"], (start, length, whole), rate))
            at = start + length
    return {**_item("Track.1", label), "kind": "Video", "children": children}


def _clip(label: str, one: Row, film: str, frames: tuple[int, int, int], rate: float) -> Row:
    start, length, whole = frames
    media = {
        "OTIO_SCHEMA": "ExternalReference.1",
        "name": Path(film).name,
        "target_url": film,
        "available_range": _range(0, max(whole, start + length), rate),
        "available_image_bounds": None,
        "metadata": {},
    }
    clip = {**_item("Clip.2", label), "source_range": _range(start, length, rate)}
    clip["metadata"] = {"mien": {"person": one["person"], "tracks": one["tracks"]}}
    return {
        **clip,
        "media_references": {"DEFAULT_MEDIA": media},
        "active_media_reference_key": "DEFAULT_MEDIA",
    }


def _item(schema: str, name: str) -> Row:
    lists: Row = {"metadata": {}, "source_range": None, "effects": [], "markers": []}
    return {"OTIO_SCHEMA": schema, "name": name, **lists, "enabled": True}


def _range(start: int, length: int, rate: float) -> Row:
    return {
        "OTIO_SCHEMA": "TimeRange.1",
        "start_time": _time(start, rate),
        "duration": _time(length, rate),
    }


def _time(frame: int, rate: float) -> Row:
    return {"OTIO_SCHEMA": "RationalTime.1", "rate": rate, "value": float(frame)}


def _frames(one: Row, rate: float) -> tuple[int, int]:
    """Return first frame and number of frames of an appearance, at least one."""
    start = round(one["start"] * rate)
    return start, max(round(one["end"] * rate) - start, 1)


def timecode(frame: int, rate: float) -> str:
    """Return a frame as non-drop timecode HH:MM:SS:FF."""
    nominal = max(round(rate), 1)
    seconds, frames = divmod(frame, nominal)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{frames:02d}"


def frame_rate(row: Row, rate: float | None) -> float:
    """Return frames per second: as given, else from the header of the film.

    Raises:
        FilmError: the film is missing, or its header states no rate.
    """
    if rate is None:
        with open_film(row["film"]) as film:
            rate = film.rate
        if not rate:
            raise FilmError(f"{row['film']} states no frame rate; give it with --rate 25.")
    if not 0 < rate < 1000:
        raise FilmError(f"A frame rate of {rate:g} is not possible; give frames per second.")
    return rate


def named(rows: list[Row], place: Path) -> list[tuple[Row, str]]:
    """Make the folder, and return each film with a name of its own in it.

    Raises:
        FilmError: there is no film.
    """
    if not rows:
        raise FilmError("The answer has no film that could be read, so nothing is exported.")
    place.mkdir(parents=True, exist_ok=True)
    found = []
    taken: set[str] = set()
    for row in rows:
        stem, number = Path(row["film"]).stem, 2
        while stem.casefold() in taken:
            stem, number = f"{Path(row['film']).stem} ({number})", number + 1
        taken.add(stem.casefold())
        found.append((row, stem))
    return found


def _line(text: str) -> str:
    """Return a text that stays on its line."""
    clean = " ".join(text.split())
    return f"{clean[:NAME]}…" if len(clean) > NAME else clean
