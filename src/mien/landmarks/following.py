"""The meshes of several faces, followed from frame to frame.

Source: the loop of MediaPipe's face_landmark_front graph: the next cut-out comes from the mesh
before, and the detector is asked only where that fails, or to see who has come. Nothing is
smoothed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from mien.contracts import Detector, Landmarker
from mien.geometry import back, iou, transform
from mien.landmarks.covering import MOST, Looks, hidden_parts, strange_parts, under_hands
from mien.landmarks.looking import locate, look, mesh_region
from mien.landmarks.masks import UNDER
from mien.media import thumbnail
from mien.types import Face, Floats, Pixels

REASONS: dict[str, str] = {
    "low-presence": "The mesh network sees no face where this one was.",
    "no-face": "The detector was asked as well and finds no face where this one was.",
    "doubled": "Two meshes had come to lie on one face; the one followed for longer goes on.",
    "cut": "A shot began, so nobody is followed into it.",
    "hand": "A hand lies over the face: over the parts that are told, or over most of it.",
    "occluded": "Parts look otherwise than a moment ago, or the lower half as a mask does.",
}
PRESENT = 0.5  # probability of a face from which points are used; as in MediaPipe's graph
EVERY = 0.5  # s between two looks for who has come
AGAIN = 0.1  # s between two searches for a face that was lost
PATIENCE = 1.0  # s that a lost face is searched for; as tracks of boxes wait
SAME = 0.3  # overlap from which a detected face is the one that was followed, or lost, there
# A new square for each frame feeds the network's answer back to it, and on one of two still photos
# the points never came to rest: they moved by 0.7 % of the eye distance each frame. So a square is
# kept until the mesh asks for one whose corners lie further off than this share of its side.
STAY = 0.02
LINES = 480  # of which a copy has this many or up to twice as many, in which faces are searched
ONE = 0.6  # overlap from which two meshes lie on one face: heads side by side share less


@dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """One face in one frame: its points, or why there are none."""

    number: int  # the same as long as it is followed; says where a face went, not who it is
    presence: float  # probability that there is a face, in [0, 1]; NaN if nobody looked
    points: Floats | None  # (L, 3) x, y, depth, px of the frame; None where `reason` says why
    reason: str | None = None  # a code of REASONS; with points: why some parts are hidden
    hidden: frozenset[str] = frozenset()  # parts of covering.PARTS whose points are a guess


class Seen(Protocol):
    """A hand: mien.body.Hand."""

    @property
    def points(self) -> Floats: ...  # (21, 2 or 3) px


class Hands(Protocol):
    """Finds the hands at these (4,) boxes: mien.body.HandsNear."""

    def __call__(
        self, image: Pixels, time: float, boxes: Sequence[Floats], /
    ) -> Sequence[Seen]: ...

    def state(self) -> dict[str, Any]: ...

    def resume(self, state: dict[str, Any], /) -> None: ...


@dataclass(slots=True, eq=False)
class _Face:
    """A face that is followed, or was lost a moment ago."""

    number: int
    points: Floats  # (L, 3) where it was seen last
    presence: float
    seen: float  # s, when
    reason: str | None = None
    square: Floats | None = None  # (2, 3) the cut-out that it was seen in, from image to chip px
    looks: Looks = field(default_factory=Looks)
    hidden: frozenset[str] = frozenset()
    over: str | None = None  # "hand" or "occluded" if parts are hidden
    most: bool = False  # whether most of it is

    @property
    def box(self) -> Floats:
        """(4,) around the mesh."""
        flat = self.points[:468, :2]
        box: Floats = np.concatenate([flat.min(axis=0), flat.max(axis=0)])
        return box


class Following:
    """Follows the meshes of all faces; call it frame by frame, in the order of time."""

    def __init__(
        self,
        detector: Detector,
        landmarker: Landmarker,
        *,
        every: float = EVERY,
        hands: Hands | None = None,
    ) -> None:
        """Start with nobody on screen.

        Args:
            detector: finds who has come, and who was lost.
            landmarker: card face-mesh or attention-mesh.
            every: seconds between two searches if nobody was lost; 0 searches each frame.
            hands: finds hands at faces, mien.body.HandsNear; without it a hand is noticed only
                where its colour is not that of the face.
        """
        self._detector, self._landmarker, self._every = detector, landmarker, every
        self._hands = hands
        self._faces: list[_Face] = []
        self._time = self._searched = -np.inf
        self._next = 0

    def __call__(self, image: Pixels, time: float, *, cut: bool = False) -> list[Followed]:
        """Find the meshes of one frame.

        Args:
            image: (H, W, 3).
            time: seconds, later than the frame before.
            cut: a shot begins, so nobody is followed.

        Returns:
            Who is followed, by number. A face that was lost is told with its reason in each frame,
            for a second at most or until it is found; after a cut or as a double, once. A face
            that is partly hidden has points, a reason and the hidden parts; if most of it is, no
            points. An empty list: the detector found no face.

        Raises:
            ValueError: the time is not later than that of the frame before.
        """
        if not time > self._time:
            raise ValueError(f"A frame of {time} s after one of {self._time} s; sort them by time.")
        gone = [self._gone(one, "cut") for one in self._faces] if cut else []
        if cut:
            self._faces = []
        self._time = time
        self._look(image)
        if cut or self._due():
            self._search(image)
        gone += self._undouble()
        self._faces = [one for one in self._faces if time - one.seen <= PATIENCE]
        self._cover(image)
        told = gone + [self._told(one) for one in self._faces]
        return sorted(told, key=lambda one: one.number)

    def state(self) -> dict[str, Any]:
        """All that the next frame depends on, as JSON: a run that was stopped goes on with it."""
        faces = [
            {
                "number": one.number,
                "points": one.points.tolist(),
                "presence": one.presence,
                "seen": one.seen,
                "reason": one.reason,
                "square": None if one.square is None else one.square.tolist(),
                "looks": one.looks.state(),
            }
            for one in self._faces
        ]
        times = [None if np.isinf(time) else time for time in (self._time, self._searched)]
        hands = self._hands.state() if self._hands else None
        return {"faces": faces, "times": times, "next": self._next, "hands": hands}

    def resume(self, state: dict[str, Any]) -> None:
        """Go on behind the frame at which `state` was asked for."""
        self._faces = [
            _Face(
                one["number"],
                np.array(one["points"], np.float32),
                one["presence"],
                one["seen"],
                one["reason"],
                None if one["square"] is None else np.array(one["square"], np.float32),
                Looks.of(one["looks"]),
            )
            for one in state["faces"]
        ]
        self._time, self._searched = (-np.inf if t is None else t for t in state["times"])
        self._next = state["next"]
        if self._hands and state["hands"] is not None:
            self._hands.resume(state["hands"])

    def _look(self, image: Pixels) -> None:
        """Look at each face where it was in the frame before."""
        followed = [one for one in self._faces if one.reason is None]
        size = self._landmarker.crop.size
        if not followed:
            return
        matrices = [_square(one, size) for one in followed]
        for one, points, presence in zip(
            followed, *look(self._landmarker, image, matrices), strict=True
        ):
            one.presence = float(presence[0])
            if one.presence >= PRESENT:
                one.points, one.seen = points, self._time
            else:
                one.reason = "low-presence"

    def _due(self) -> bool:
        """Whether to ask the detector: it is time, somebody was lost just now, or not long ago."""
        passed = self._time - self._searched + 1e-6  # stamps are rounded
        lost = [one for one in self._faces if one.reason]
        fresh = any(one.reason == "low-presence" for one in lost)
        return passed >= self._every or fresh or (bool(lost) and passed >= AGAIN)

    def _search(self, image: Pixels) -> None:
        """Ask the detector who was lost and who has come; who is followed stays as it is."""
        self._searched = self._time
        found = _found(self._detector, image)
        taken = self._matched(found, [one for one in self._faces if one.reason is None])
        rest = [face for i, face in enumerate(found) if i not in taken]
        lost = [one for one in self._faces if one.reason]
        again = self._matched(rest, lost)
        if rest:
            points, presence = locate(self._landmarker, image, rest)
            for i in range(len(rest)):
                if presence[i, 0] >= PRESENT:
                    self._begin(again.get(i), points[i], float(presence[i, 0]))
        for one in lost:
            if one.reason:
                one.reason = "low-presence" if one in again.values() else "no-face"

    def _begin(self, before: _Face | None, points: Floats, presence: float) -> None:
        """Go on with a face that was lost, or begin with a new one."""
        if before is None:
            self._faces.append(_Face(self._next, points, presence, self._time))
            self._next += 1
        else:
            before.points, before.presence = points, presence
            before.seen, before.reason, before.square = self._time, None, None

    def _cover(self, image: Pixels) -> None:
        """See which parts of the faces are hidden."""
        faces = [one for one in self._faces if one.reason is None]
        boxes = [one.box for one in faces]
        hands = self._hands(image, self._time, boxes) if self._hands and faces else []
        for one in faces:
            covered = under_hands(one.points[:468], [hand.points for hand in hands])
            changed = one.looks(image, one.points, self._time, covered)
            by_hand, strange = hidden_parts(covered), strange_parts(changed)
            if one.looks.masked:
                strange |= UNDER
            one.hidden = by_hand | strange
            one.over = "hand" if by_hand else "occluded" if strange else None
            one.most = bool((covered | changed).mean() > MOST) and bool(one.hidden)

    def _matched(self, found: Sequence[Face], faces: list[_Face]) -> dict[int, _Face]:
        """Which detected face is which of these, the largest overlaps first."""
        if not found or not faces:
            return {}
        overlap = iou(np.stack([f.box for f in found]), np.stack([one.box for one in faces]))
        pairs: dict[int, _Face] = {}
        while overlap.max() >= SAME:
            i, j = (int(k) for k in np.unravel_index(overlap.argmax(), overlap.shape))
            pairs[i] = faces[j]
            overlap[i], overlap[:, j] = -1, -1
        return pairs

    def _undouble(self) -> list[Followed]:
        """Drop the younger of two meshes on one face."""
        kept: list[_Face] = []
        gone: list[Followed] = []
        for one in sorted(self._faces, key=lambda face: face.number):
            others = [other.box for other in kept if not other.reason]
            if not one.reason and others and iou(one.box[None], np.stack(others)).max() >= ONE:
                gone.append(self._gone(one, "doubled"))
            else:
                kept.append(one)
        self._faces = kept
        return gone

    def _gone(self, one: _Face, reason: str) -> Followed:
        return Followed(one.number, np.nan, None, reason)

    def _told(self, one: _Face) -> Followed:
        if one.reason:
            return Followed(one.number, one.presence, None, one.reason)
        points = None if one.most else one.points
        return Followed(one.number, one.presence, points, one.over, one.hidden)


def _found(detector: Detector, image: Pixels) -> list[Face]:
    """The faces of a frame, looked for in a smaller copy if it has many lines.

    Where they are is all that is asked: the mesh is then found in the frame itself.
    """
    step = min(image.shape[:2]) // LINES
    if step < 2:
        return detector(image)
    small = thumbnail(image, round(max(image.shape[:2]) / step))
    sizes = np.array([image.shape[1::-1], small.shape[1::-1]], np.float32)
    back: Floats = sizes[0] / sizes[1]
    return [
        replace(
            face,
            box=face.box * np.tile(back, 2),
            points=None if face.points is None else face.points * back,
        )
        for face in detector(small)
    ]


def _square(one: _Face, size: int) -> Floats:
    """The cut-out for the next look: the one before, unless the face has left its middle."""
    wanted = mesh_region(one.points, size)
    if one.square is not None:
        corners = np.array([[0, 0], [size, 0], [0, size], [size, size]], np.float32)
        moved = np.linalg.norm(transform(back(corners, wanted), one.square) - corners, axis=1)
        if moved.max() <= STAY * size:
            return one.square
    one.square = wanted
    return wanted
