"""Running identity step: identities of the people on screen from all frames so far."""

from dataclasses import dataclass, field

from mien.film.identities import Search, UnknownLabels, identify_tracks, open_search
from mien.photo import Pipeline
from mien.track import Segment, TrackBuilder, fewest_observations
from mien.types import Decision, Face, Floats, Identity

REMEMBERED = 600.0  # s for which an absent person is remembered
MOST = 500  # tracks in memory, newest first


@dataclass(slots=True)
class _Memo:
    """A search that caches the results of unchanged tracks."""

    search: Search
    found: dict[bytes, Decision | None] = field(default_factory=dict)

    def __call__(self, vector: Floats | None, face: Face) -> Decision | None:
        if vector is None:
            return None
        key = vector.tobytes() + face.box.tobytes()
        if key not in self.found:
            if len(self.found) > 4 * MOST:
                self.found.clear()
            self.found[key] = self.search(vector, face)
        return self.found[key]


class RunningIdentities:
    """Repeat the identity step after each segment with faces.

    The step is that of `identify_film` on the tracks so far, so both agree at the end of a
    film. People are forgotten ten minutes after they were last visible.
    """

    def __init__(self, pipeline: Pipeline, *, between: float) -> None:
        """Start without tracks.

        Args:
            pipeline: with an embedder; its gallery, if any, names people.
            between: seconds between sampled frames.
        """
        self._calibration = pipeline.calibrated() if pipeline.embedder else None
        search = open_search(pipeline)
        self._search = _Memo(search) if search else None
        self._builder = TrackBuilder(fewest=fewest_observations(between))
        self._between = between
        self._labels = UnknownLabels()
        self._open = False  # whether the last segment has faces
        self.people: list[Identity] = []
        self.spans: dict[int, tuple[tuple[float, float], ...]] = {}  # track -> s, when on screen

    def take(self, segment: Segment, settle: float) -> None:
        """Add the next segment.

        Args:
            segment: of the scan stage.
            settle: seconds that a new person waits for a name before getting a label.
        """
        self._builder.take(segment)
        now = self._builder.seconds
        self._builder.forget(now - REMEMBERED, MOST)
        seen = any(frame.faces for frame in segment.frames)
        if seen or self._open:  # tracks of the last segment may have ended
            self._identify(now - settle)
        self._open = seen

    def finish(self) -> None:
        """End the run after the last frame."""
        self._builder.finish(self._builder.seconds + self._between)
        self._identify(float("inf"))

    def person_of(self, track: int) -> str | None:
        """Return the label of a track; None if it has none yet."""
        return next((one.person or None for one in self.people if track in one.tracks), None)

    def _identify(self, settled: float) -> None:
        tracks = self._builder.tracks()
        self._labels.settled = settled
        tracks, self.people = identify_tracks(
            tracks, self._builder.together, self._search, self._calibration, self._labels
        )
        self.spans = {track.number: track.spans for track in tracks}
