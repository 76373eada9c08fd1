"""Live analysis: presence events and measures from a camera, a stream or a film."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from mien.behaviour import Baseline
from mien.errors import CancelledError
from mien.film import Analyzer
from mien.film.identify import check_every
from mien.film.live import LiveAnalysis, LiveRecord
from mien.film.presence import PresenceEvent, PresenceMonitor
from mien.film.scanner import EVERY
from mien.media import Frame, one_thread, open_source
from mien.photo import Pipeline
from mien.service.event_log import EventLog
from mien.service.runs import Run
from mien.service.schema import Row, clock_fields, event_row, record_row
from mien.track import ShotBoundaryDetector

Complain = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The source of frames, and the duration."""

    name: str  # number of a camera, URL of a stream, or path of a film
    every: float = EVERY  # s between sampled frames; 0: every frame
    seconds: float | None = None  # after which the run ends; None: never
    patience: float = 60.0  # s of reconnection attempts to a lost source


def watch_presence(
    source: Source,
    pipeline: Pipeline,
    *,
    log: str | os.PathLike[str] | None = None,
    run: Run | None = None,
    complain: Complain = lambda sentence: None,
) -> Iterator[Row]:
    """Report who enters, who is named and who leaves.

    Args:
        source: camera, stream or film.
        pipeline: with an embedder, and the gallery that is searched.
        log: file of events; each is stored before it is yielded. Continued if it exists.
        run: progress in seconds, and cancellation.
        complain: called with a message if the source is lost, is back, or drops frames.

    Yields:
        Rows: "start", then "enter", "name" and "exit", finally "end" with all people seen.
    """
    check_every(source.every)
    monitor = PresenceMonitor(pipeline, every=source.every)

    def rows() -> Iterator[Row]:
        with _opened(source, complain) as frames:
            yield {"kind": "start", "source": source.name, **clock_fields(frames.started, 0.0)}
            try:
                for event in monitor(_until(iter(frames), source.seconds, run)):
                    yield event_row(event, frames.started)
            except (KeyboardInterrupt, CancelledError):
                complain("stopped.")
            people = [
                {"person": one.person, "seconds": round(one.seconds, 3)} for one in monitor.people
            ]
            end = {"kind": "end", "reason": frames.reason, "people": people}
            yield {**end, **clock_fields(frames.started, None)}
            _complain_dropped(frames.counts.dropped, complain)

    yield from _logged(rows(), log)


def watch_faces(
    source: Source,
    analyzer: Analyzer,
    *,
    baseline: Baseline | None = None,
    log: str | os.PathLike[str] | None = None,
    run: Run | None = None,
    complain: Complain = lambda sentence: None,
) -> Iterator[Row]:
    """Report the measures of each face per frame, and facial events at their end.

    Args:
        source: camera, stream or film.
        analyzer: the models; with an embedder people are identified.
        baseline: baseline of the person who is expected.
        log: file of rows; each is stored before it is yielded. Continued if it exists.
        run: progress in seconds, and cancellation.
        complain: called with a message if the source is lost, is back, or drops frames.
    """
    check_every(source.every)
    live = LiveAnalysis(analyzer, baseline)

    def rows() -> Iterator[Row]:
        with one_thread(), _opened(source, complain) as frames:  # as for films
            try:
                for record in live(_until(iter(frames), source.seconds, run)):
                    yield record_row(record, frames.started)
            except (KeyboardInterrupt, CancelledError):
                complain("stopped.")
            _complain_dropped(frames.counts.dropped, complain)
        for sentence in filter(None, (live.refused, live.smiling)):
            complain(sentence)

    yield from _logged(rows(), log)


def _opened(source: Source, complain: Complain) -> Any:
    return open_source(
        source.name,
        every=source.every,
        glance=ShotBoundaryDetector(),
        patience=source.patience,
        notify=complain,
    )


def _until(frames: Iterator[Frame], seconds: float | None, run: Run | None) -> Iterator[Frame]:
    """Yield the frames of the first seconds, until the run is cancelled."""
    for frame in frames:
        if seconds is not None and frame.time >= seconds:
            return
        if run:
            run.step("watch", round(frame.time), round(seconds or 0))
        yield frame


def _logged(rows: Iterator[Row], log: str | os.PathLike[str] | None) -> Iterator[Row]:
    if log is None:
        yield from rows
        return
    with EventLog(log) as kept:
        for row in rows:
            yield kept.append(row)


def _complain_dropped(count: int, complain: Complain) -> None:
    if count:
        complain(f"{count:,} frames were dropped, because they arrived during processing.")


__all__ = ["LiveRecord", "PresenceEvent", "Source", "watch_faces", "watch_presence"]
