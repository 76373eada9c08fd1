"""The film engine: frames of a film or camera go through the stages, in the order of time.

Identification, tables and live views are this class with another sink, so that they cannot
disagree about who is in a film.
"""

from collections.abc import Iterable, Iterator

from mien.film.frames import FrameAnalyzer
from mien.film.rows import FaceRow
from mien.film.scanner import FilmScanner
from mien.media import Frame
from mien.track import Segment


class FilmEngine:
    """Scan stage, then measure stage; either may be missing. Memory does not grow with the film."""

    def __init__(self, scanner: FilmScanner | None, measure: FrameAnalyzer | None = None) -> None:
        """Start with nobody on screen.

        Args:
            scanner: tracks and embeds faces; None: people are not identified.
            measure: measures faces; None: rows are not made.
        """
        self.scanner, self.measure = scanner, measure
        self._rows: list[FaceRow] = []  # of the current segment

    def ended(self, time: float) -> list[Segment]:
        """The segments that are over before a frame of that time; call it before `take`."""
        if self.scanner is None:
            return []
        return [self._ended(*one) for one in self.scanner.ended(time)]

    def take(self, frame: Frame) -> list[FaceRow]:
        """Take the next frame; give its rows, whose tracks may be renumbered until `ended`."""
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
        """The last segment, once the frames are over."""
        if self.scanner is None or not self.scanner.pending:
            return []
        return [self._ended(*self.scanner.end())]

    def segments(self, frames: Iterable[Frame]) -> Iterator[Segment]:
        """Take all frames; give each segment, also an empty one, as soon as it is over."""
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
