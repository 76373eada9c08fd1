"""Commands about what happens now: watch, events."""

import time as clocks
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.analyze import Heads, Rest, lean, opened_kit
from mien.cli.options import (
    GALLERY,
    AsTable,
    CalibrationPath,
    CommercialOnly,
    DetectorName,
    DeviceName,
    EmbedderName,
    GalleryPath,
    Prior,
    opened,
)
from mien.cli.terminal import complain, print_json_line
from mien.zoo import DETECTOR, EMBEDDER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mien.film.live import LiveRecord
    from mien.film.presence import PresenceEvent
    from mien.media import Frame

WORDS = {"enter": "came", "exit": "went", "name": "is"}


def watch(
    source: Annotated[
        str, typer.Argument(help="Camera (0, /dev/video0), stream (rtsp://...) or film.")
    ],
    gallery: GalleryPath = GALLERY,
    analyze: Annotated[
        bool, typer.Option("--analyze", help="Measure faces: rows and what happens, as they come.")
    ] = False,
    heads: Heads = None,
    baseline: Rest = None,
    log: Annotated[
        Path | None, typer.Option(help="File of events; continued if it exists.")
    ] = None,
    every: Annotated[
        float | None,
        typer.Option(help="Seconds between looks; default 0.1, with --analyze every frame."),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Stop after so many seconds; default: never.")
    ] = None,
    patience: Annotated[
        float, typer.Option(help="Seconds to try to reach a source that went away.")
    ] = 60.0,
    fpir: Annotated[
        float,
        typer.Option(help="Share of searches for strangers that may give a name, e.g. 0.01."),
    ] = 0.01,
    detector: DetectorName = DETECTOR,
    embedder: EmbedderName = EMBEDDER,
    calibration: CalibrationPath = None,
    prior: Prior = 0.5,
    table: AsTable = False,
    device: DeviceName = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Tell who comes and who goes, before a camera or in a film.

    Each event is on disk before it is told. A film gives the events that a camera showing the
    same would have given. With --analyze it tells what each face shows instead, frame by frame;
    then the gallery may be missing.

    Example: mien watch 0 --gallery family.mien --log door.jsonl
    """
    every = (0.0 if analyze else 0.1) if every is None else every
    if analyze:
        people = gallery if gallery.exists() else None
        models = Models(detector, embedder, device, commercial_only, calibration, people)
        _tell(source, models, heads, baseline, every, seconds, patience, log)
        return
    from contextlib import nullcontext

    from mien.film.identify import check_every
    from mien.film.presence import PresenceMonitor
    from mien.gallery import open_gallery
    from mien.media import open_source
    from mien.service.event_log import EventLog
    from mien.track import ShotBoundaryDetector

    check_every(every)
    pipeline = opened(
        detector,
        embedder,
        device,
        commercial_only,
        fpir=fpir,
        prior=prior,
        calibration=calibration,
    )
    contract = pipeline.embedder.contract if pipeline.embedder else None
    with (
        open_gallery(gallery, contract, read_only=True) as known,
        EventLog(log) if log else nullcontext() as kept,
        open_source(
            source, every=every, glance=ShotBoundaryDetector(), patience=patience, told=complain
        ) as frames,
    ):
        pipeline.use(known)

        def tell(row: dict[str, Any]) -> None:
            row = kept.append(row) if kept else row
            if table:
                typer.echo(line(row))
            else:
                print_json_line(row)

        monitor = PresenceMonitor(pipeline, every=every)
        tell({"kind": "start", "source": source, **_clock(frames.started, 0.0)})
        try:
            for event in monitor(until(iter(frames), seconds)):
                tell(event_row(event, frames.started))
        except KeyboardInterrupt:
            complain("stopped.")
        counts = frames.counts
        seen = [{"person": p.person, "seconds": round(p.seconds, 3)} for p in monitor.people]
        told = {"kind": "end", "reason": frames.reason, "people": seen}
        tell({**told, **_clock(frames.started, None)})
    if counts.dropped:
        complain(f"{counts.dropped:,} frames came while others were looked at, and were dropped.")


@dataclass(frozen=True, slots=True)
class Models:
    """What faces are measured and named with."""

    detector: str
    embedder: str
    device: str
    commercial_only: bool
    calibration: Path | None
    gallery: Path | None


def _tell(
    source: str,
    models: Models,
    heads: str | None,
    baseline: Path | None,
    every: float,
    seconds: float | None,
    patience: float,
    log: Path | None,
) -> None:
    """What `mien watch --analyze` does."""
    from contextlib import nullcontext

    from mien.behaviour import Baseline
    from mien.film.identify import check_every
    from mien.film.live import LiveAnalysis
    from mien.media import one_thread, open_source
    from mien.service.event_log import EventLog
    from mien.track import ShotBoundaryDetector

    check_every(every)
    rest = Baseline.load(baseline) if baseline else None
    with (
        opened_kit(
            models.gallery,
            heads=heads,
            detector=models.detector,
            people=rest is not None and rest.vector is not None,
            embedder=models.embedder,
            calibration=models.calibration,
            device=models.device,
            commercial_only=models.commercial_only,
        ) as kit,
        EventLog(log) if log else nullcontext() as kept,
        one_thread(),  # as for films
    ):
        telling = LiveAnalysis(kit, rest)
        with open_source(
            source, every=every, glance=ShotBoundaryDetector(), patience=patience, told=complain
        ) as frames:
            try:
                for told in telling(until(iter(frames), seconds)):
                    row = told_row(told, frames.started)
                    print_json_line(kept.append(row) if kept else row)
            except KeyboardInterrupt:
                complain("stopped.")
            counts = frames.counts
    if telling.refused:
        complain(telling.refused)
    if counts.dropped:
        complain(f"{counts.dropped:,} frames came while others were looked at, and were dropped.")


def told_row(told: "LiveRecord", started: float | None) -> dict[str, Any]:
    """A row of a frame, or an event, as a row of JSON."""
    if told.event is not None:
        who = {"track": told.track, "person": told.person}
        return {"row": "event", **who, **told.event.row(), **_clock(started, told.event.offset)}
    values = lean(told.row or {})
    return {"row": "face", **values, "baseline": told.mode, **_clock(started, values["time"])}


def events(
    log: Annotated[Path, typer.Argument(help="File that `mien watch --log` writes.")],
    after: Annotated[int, typer.Option(help="Cursor: `seq` of the last event that you know.")] = 0,
    follow: Annotated[bool, typer.Option(help="Wait for new events until stopped.")] = False,
    table: AsTable = False,
) -> None:
    """Read the events of `mien watch`, from a cursor on.

    Example: mien events door.jsonl --after 12
    """
    from mien.service.event_log import read_events

    while True:
        for row in read_events(log, after):
            after = row["seq"]
            if table:
                typer.echo(line(row))
            else:
                print_json_line(row)
        if not follow:
            return
        clocks.sleep(0.5)


def until(frames: "Iterator[Frame]", seconds: float | None) -> "Iterator[Frame]":
    """The frames of the first seconds."""
    for frame in frames:
        if seconds is not None and frame.time >= seconds:
            return
        yield frame


def event_row(event: "PresenceEvent", started: float | None) -> dict[str, Any]:
    """One event as a row of JSON."""
    from mien.service.schema import decision_row

    return {
        "kind": event.kind,
        "person": event.person,
        **({"was": event.was} if event.was else {}),
        **_clock(started, event.time),
        "decision": event.decision and decision_row(event.decision, candidates=1),
    }


def _clock(started: float | None, time: float | None) -> dict[str, Any]:
    """Seconds from the start; before a camera also the time of day, with its zone."""
    told: dict[str, Any] = {"time": None if time is None else round(time, 3)}
    if started is not None:
        moment = clocks.time() if time is None else started + time
        told["clock"] = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return told


def line(row: dict[str, Any]) -> str:
    """One event for eyes."""
    from mien.film.annotate import percent
    from mien.report.film import clock

    if "clock" in row:
        moment = datetime.fromisoformat(row["clock"]).astimezone().strftime("%H:%M:%S")
    else:
        moment = clock(row["time"]) if row["time"] is not None else ""
    if row["kind"] in {"start", "end"}:
        rest = row.get("source") or row.get("reason") or ""
        return f"{moment:>9}  {row['kind']:5}  {rest}".rstrip()
    decision = row["decision"]
    sure = decision and decision["outcome"] == "match"
    told = f" ({percent(decision['probability'])})" if sure else ""
    was = f", called {row['was']} until now" if "was" in row else ""
    return f"{moment:>9}  {WORDS[row['kind']]:5}  {row['person']}{told}{was}"
