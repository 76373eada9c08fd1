"""Commands about live analysis: watch, events."""

import time as clocks
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from mien.cli.analyze import Heads, Rest, opened_analyzer
from mien.cli.options import (
    GALLERY,
    AsTable,
    CalibrationPath,
    CommercialOnly,
    DetectorName,
    DeviceName,
    GalleryEmbedder,
    GalleryPath,
    LivenessAction,
    LivenessAt,
    LivenessHead,
    Prior,
    Purpose,
    Who,
    embedder_for,
    opened,
    searching,
)
from mien.cli.terminal import complain, print_json_line
from mien.errors import MienError
from mien.zoo import DETECTOR

VERBS = {"enter": "enters", "exit": "leaves", "name": "named"}


def watch(
    source: Annotated[
        str, typer.Argument(help="Camera (0, /dev/video0), stream (rtsp://...) or film.")
    ],
    gallery: GalleryPath = GALLERY,
    analyze: Annotated[
        bool,
        typer.Option("--analyze", help="Measure faces: print rows and events."),
    ] = False,
    heads: Heads = None,
    baseline: Rest = None,
    log: Annotated[
        Path | None, typer.Option(help="File of events to write; continued if it exists.")
    ] = None,
    every: Annotated[
        float | None,
        typer.Option(help="Seconds between sampled frames; default 0.1, or 0 with --analyze."),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Stop after N seconds; default: never.")
    ] = None,
    patience: Annotated[
        float, typer.Option(help="Seconds for reconnection attempts to a lost source.")
    ] = 60.0,
    fpir: Annotated[
        float,
        typer.Option(help="False positive identification rate to work at, such as 0.01."),
    ] = 0.01,
    detector: DetectorName = DETECTOR,
    embedder: GalleryEmbedder = None,
    calibration: CalibrationPath = None,
    prior: Prior = 0.5,
    liveness: LivenessAction = "off",
    liveness_head: LivenessHead = None,
    liveness_at: LivenessAt = None,
    purpose: Purpose = None,
    who: Who = None,
    table: AsTable = False,
    device: DeviceName = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Report who enters and leaves, from a camera, a stream or a film.

    With --log each event is stored before it is printed. A film returns the
    events that a camera would return. With --analyze the command reports the
    measures of each face per frame instead; a gallery is then optional.

    Example: mien watch 0 --gallery family.mien --log door.jsonl
    """
    from mien.service.watch import Source, watch_faces, watch_presence

    if analyze and liveness != "off":
        raise MienError("--liveness is for naming people; leave out --analyze, or --liveness.")
    every = (0.0 if analyze else 0.1) if every is None else every
    camera = Source(name=source, every=every, seconds=seconds, patience=patience)
    if analyze:
        models: dict[str, Any] = {
            "detector": detector,
            "embedder": embedder_for(embedder, gallery),
            "calibration": calibration,
        }
        models |= {"who": who, "purpose": purpose}
        models |= {"device": device, "commercial_only": commercial_only, "heads": heads}
        from mien.gallery import is_there

        known = gallery if is_there(gallery) else None
        with opened_analyzer(known, baseline, **models) as opening:
            for row in watch_faces(
                camera, opening.analyzer, baseline=opening.baseline, log=log, complain=complain
            ):
                print_json_line(row)
        return
    how: dict[str, Any] = {"fpir": fpir, "prior": prior, "calibration": calibration}
    how |= {"liveness": liveness, "liveness_head": liveness_head, "liveness_at": liveness_at}
    pipeline = opened(detector, embedder_for(embedder, gallery), device, commercial_only, **how)
    with searching(pipeline, gallery, who, purpose):
        for row in watch_presence(camera, pipeline, log=log, complain=complain):
            if table:
                typer.echo(line(row))
            else:
                print_json_line(row)


def events(
    log: Annotated[Path, typer.Argument(help="File that `mien watch --log` writes.")],
    after: Annotated[int, typer.Option(help="Cursor: `seq` of the last known event.")] = 0,
    follow: Annotated[
        bool, typer.Option(help="Wait for new events until the command is stopped.")
    ] = False,
    table: AsTable = False,
) -> None:
    """Print the events of `mien watch` after a cursor.

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


def line(row: dict[str, Any]) -> str:
    """Return one event as a line of text."""
    from mien.film.annotate import percent
    from mien.report.film import clock

    if "clock" in row:
        moment = datetime.fromisoformat(row["clock"]).astimezone().strftime("%H:%M:%S")
    else:
        moment = clock(row["time"]) if row["time"] is not None else ""
    if row["kind"] in {"start", "end"}:
        rest = row.get("source") or row.get("reason") or ""
        return f"{moment:>9}  {row['kind']:6}  {rest}".rstrip()
    decision = row["decision"]
    sure = decision and decision["outcome"] == "match"
    probability = f" ({percent(decision['probability'])})" if sure else ""
    was = f", before {row['was']}" if "was" in row else ""
    return f"{moment:>9}  {VERBS[row['kind']]:6}  {row['person']}{probability}{was}"
