"""Appearances and events as tiers for annotation programs: ELAN and Praat.

Sources are rows of films, the events of `mien watch --log` and `mien watch --analyze`, and the
facial events of `mien analyze`.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

from mien.errors import FilmError
from mien.export.saved import Row, films
from mien.export.timelines import named
from mien.media import write_bytes

Span = tuple[float, float, str]  # start and end in seconds, text
XSI = "http://www.w3.org/2001/XMLSchema-instance"
EAF = "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"


@dataclass(slots=True)
class Tiers:
    """The annotations of one film."""

    source: str  # path of the film; "" if not known
    end: float  # seconds
    tiers: dict[str, list[Span]] = field(default_factory=dict)  # name -> spans, rising

    def add(self, tier: str, start: float, end: float, text: str) -> None:
        """Add a span; spans of one tier must not overlap, so it begins where the last one ends."""
        spans = self.tiers.setdefault(tier, [])
        start = max(start, spans[-1][1]) if spans else start
        if end > start:
            spans.append((start, end, text))
            self.end = max(self.end, end)


def write_eaf(rows: list[Row], place: Path) -> int:
    """Write one ELAN file per film; return the number of files.

    Source: ELAN Annotation Format 3.0. Times are milliseconds.

    Raises:
        MienError: a file cannot be written, or there is neither film nor event.
    """
    found = _all(rows, place)
    for tiers, stem in found:
        write_bytes(place / f"{stem}.eaf", _eaf(tiers))
    return len(found)


def write_textgrid(rows: list[Row], place: Path) -> int:
    """Write one Praat TextGrid per film; return the number of files.

    Source: Praat manual, "TextGrid file formats". Times are seconds.

    Raises:
        MienError: a file cannot be written, or there is neither film nor event.
    """
    found = _all(rows, place)
    for tiers, stem in found:
        write_bytes(place / f"{stem}.TextGrid", _textgrid(tiers).encode("utf-8", "replace"))
    return len(found)


def _all(rows: list[Row], place: Path) -> list[tuple[Tiers, str]]:
    known = [
        {"film": one.source or "events", "tiers": one}
        for one in [*map(_of_film, films(rows)), *_of_events(rows)]
    ]
    if not known:
        raise FilmError("The answer has neither a film nor an event, so nothing is exported.")
    return [(row["tiers"], stem) for row, stem in named(known, place)]


def _of_film(row: Row) -> Tiers:
    tiers = Tiers(row["film"], row["seconds"])
    for one in row["appearances"]:
        tiers.add(one["label"], one["start"], one["end"], one["label"])
    return tiers


def _of_events(rows: list[Row]) -> list[Tiers]:
    """Return the tiers of events: presence, and facial events per person.

    Who is still in view at the end of a log leaves at its last event.
    """
    found: list[Tiers] = []
    inside: dict[str, float] = {}  # who is in view -> since when
    last = 0.0

    def leave(who: str, time: float) -> None:
        found[-1].add(who, inside.pop(who), time, who)

    for row in rows:
        kind = row.get("kind")
        if kind is None:
            continue
        source = str(row.get("source") or row.get("input") or "")
        if not found or kind == "start" or ("input" in row and source != found[-1].source):
            for one in list(inside):
                leave(one, last)
            found.append(Tiers(source, 0.0))
        if row.get("row") == "event":
            name = row.get("who") or row.get("person") or f"track-{row['track']}"
            found[-1].add(f"{name} {_what(row)}", row["onset"], row["offset"], _what(row))
            continue
        last = last if row.get("time") is None else float(row["time"])
        who = str(row.get("person"))
        if kind == "enter":
            inside[who] = last
        elif kind == "name" and row.get("was") in inside:
            inside[who] = inside.pop(row["was"])
        elif kind == "exit" and who in inside:
            leave(who, last)
    for one in list(inside):
        leave(one, last)
    return [tiers for tiers in found if tiers.tiers]


def _what(row: Row) -> str:
    side = row.get("side")
    return f"{row['kind']} {side}" if side and side != "both" else str(row["kind"])


def _eaf(tiers: Tiers) -> bytes:
    made = datetime.now(UTC).isoformat(timespec="seconds")
    root = Xml.Element("ANNOTATION_DOCUMENT", {
        "AUTHOR": "mien", "DATE": made, "FORMAT": "3.0", "VERSION": "3.0",
        "xmlns:xsi": XSI, "xsi:noNamespaceSchemaLocation": EAF,
    })  # fmt: skip
    header = Xml.SubElement(root, "HEADER", {"MEDIA_FILE": "", "TIME_UNITS": "milliseconds"})
    if tiers.source:
        path = Path(tiers.source)
        url = path.resolve().as_uri() if path.exists() else path.name
        kind = {"MEDIA_URL": url, "MIME_TYPE": "video/mp4", "RELATIVE_MEDIA_URL": f"./{path.name}"}
        Xml.SubElement(header, "MEDIA_DESCRIPTOR", kind)
    order = Xml.SubElement(root, "TIME_ORDER")
    slots: dict[int, str] = {}
    times = {round(t * 1000) for spans in tiers.tiers.values() for span in spans for t in span[:2]}
    for number, time in enumerate(sorted(times), 1):
        slots[time] = f"ts{number}"
        slot = {"TIME_SLOT_ID": slots[time], "TIME_VALUE": str(time)}
        Xml.SubElement(order, "TIME_SLOT", slot)
    count = 0
    for name, spans in tiers.tiers.items():
        how = {"LINGUISTIC_TYPE_REF": "default", "TIER_ID": name}
        tier = Xml.SubElement(root, "TIER", how)
        for start, end, text in spans:
            count += 1
            holder = Xml.SubElement(tier, "ANNOTATION")
            refs = {"TIME_SLOT_REF1": slots[round(start * 1000)],
                    "TIME_SLOT_REF2": slots[round(end * 1000)]}  # fmt: skip
            about: dict[str, Any] = {"ANNOTATION_ID": f"a{count}", **refs}
            one = Xml.SubElement(holder, "ALIGNABLE_ANNOTATION", about)
            Xml.SubElement(one, "ANNOTATION_VALUE").text = text
    kind = {"GRAPHIC_REFERENCES": "false", "LINGUISTIC_TYPE_ID": "default",
            "TIME_ALIGNABLE": "true"}  # fmt: skip
    Xml.SubElement(root, "LINGUISTIC_TYPE", kind)
    Xml.indent(root)
    data: bytes = Xml.tostring(root, "utf-8", xml_declaration=True)
    return data


def _textgrid(tiers: Tiers) -> str:
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {tiers.end:.3f}",
        "tiers? <exists>",
        f"size = {len(tiers.tiers)}",
        "item []:",
    ]
    for number, (name, spans) in enumerate(tiers.tiers.items(), 1):
        parts = _filled(spans, tiers.end)
        lines += [
            f"    item [{number}]:",
            '        class = "IntervalTier"',
            f"        name = {_quoted(name)}",
            "        xmin = 0",
            f"        xmax = {tiers.end:.3f}",
            f"        intervals: size = {len(parts)}",
        ]
        for place, (start, end, text) in enumerate(parts, 1):
            lines += [
                f"        intervals [{place}]:",
                f"            xmin = {start:.3f}",
                f"            xmax = {end:.3f}",
                f"            text = {_quoted(text)}",
            ]
    return "\n".join([*lines, ""])


def _filled(spans: list[Span], end: float) -> list[Span]:
    """Return intervals without holes from 0 to the end: Praat requires them."""
    found: list[Span] = []
    at = 0.0
    for start, stop, text in spans:
        if start > at:
            found.append((at, start, ""))
        found.append((start, stop, text))
        at = stop
    return [*found, (at, end, "")] if end > at else found


def _quoted(text: str) -> str:
    return '"' + " ".join(text.split()).replace('"', '""') + '"'
