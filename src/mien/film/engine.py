"""Film engine: frames of a film or camera pass through the stages in the order of time.

Identification, tables and live views are this class with different sinks, so that their
identities agree.
"""

from collections.abc import Iterable, Iterator

from mien.film.frames import FrameAnalyzer
from mien.film.rows import FaceRow
from mien.film.scanner import FilmScanner
from mien.media import Frame
from mien.track import Segment


class FilmEngine:
    """The scan stage, then the measure stage; either is optional. Memory is bounded."""

    def __init__(self, scanner: FilmScanner | None, measure: FrameAnalyzer | None = None) -> None:
        """Start without tracks.

        Args:
            scanner: tracks and embeds faces; None: people are not identified.
            measure: measures faces; None: no rows.
        """
        self.scanner, self.measure = scanner, measure
        self._rows: list[FaceRow] = []  # of the current segment

    def ended(self, time: float) -> list[Segment]:
        """Return the segments that end before a time; call it before `take`."""
        if self.scanner is None:
            return []
        return [self._ended(*one) for one in self.scanner.ended(time)]

    def take(self, frame: Frame) -> list[FaceRow]:
        """Process the next frame; return its rows. Tracks may be renumbered until `ended`."""
        seen = self.scanner.see(frame) if self.scanner else None
        if self.measure is None or frame.damaged:
            return []
        rows = self.measure(
            frame.image,
            frame.time,
            frame.number,
            cut=frame.cut,
            detected=None if seen is None else seen.faces,
        )
        if self.scanner is not None:
            self._rows += rows
        return rows

    def finish(self) -> list[Segment]:
        """Return the last segment after the last frame."""
        if self.scanner is None or not self.scanner.pending:
            return []
        return [self._ended(*self.scanner.end())]

    def segments(self, frames: Iterable[Frame]) -> Iterator[Segment]:
        """Process all frames; yield each segment at its end, also empty ones."""
        for frame in frames:
            yield from self.ended(frame.time)
            self.take(frame)
        yield from self.finish()

    def _ended(self, segment: Segment, splits: dict[int, int]) -> Segment:
        if splits:
            for row in self._rows:
                row.renumber(splits)
            if self.measure:
                self.measure.renumber(splits)
        self._rows = []
        return segment
