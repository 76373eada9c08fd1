"""The meshes of several faces, followed from frame to frame.

Source: the loop of MediaPipe's face_landmark_front graph: the next cut-out comes from the mesh
before, and the detector is asked only where that fails, or to see who has come. Nothing is
smoothed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mien.contracts import Detector, Landmarker
from mien.geometry import back, iou, transform
from mien.landmarks.mesh_fit import fit_meshes, mesh_region, run_landmarker
from mien.media import thumbnail
from mien.types import Face, Floats, Pixels

REASONS: dict[str, str] = {
    "low-presence": "The mesh network sees no face where this one was.",
    "no-face": "The detector was asked as well and finds no face where this one was.",
    "doubled": "Two meshes had come to lie on one face; the one followed for longer goes on.",
    "cut": "A shot began, so nobody is followed into it.",
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
class TrackedMesh:
    """One face in one frame: its points, or why there are none."""

    number: int  # the same as long as it is followed; says where a face went, not who it is
    presence: float  # probability that there is a face, in [0, 1]; NaN if nobody looked
    points: Floats | None  # (L, 3) x, y, depth, px of the frame; None where `reason` says why
    reason: str | None = None  # a code of REASONS; with points: why some parts are hidden
    occluded: frozenset[str] = frozenset()  # of behaviour.PARTS, their points are a guess

    @property
    def box(self) -> Floats:
        """(4,) around the mesh; only where there are points."""
        assert self.points is not None
        return mesh_box(self.points)


@dataclass(slots=True, eq=False)
class _Face:
    """A face that is followed, or was lost a moment ago."""

    number: int
    points: Floats  # (L, 3) where it was seen last
    presence: float
    seen: float  # s, when
    reason: str | None = None
    square: Floats | None = None  # (2, 3) the cut-out that it was seen in, from image to chip px

    @property
    def box(self) -> Floats:
        """(4,) around the mesh."""
        return mesh_box(self.points)


class MeshTracker:
    """Follows the meshes of all faces; call it frame by frame, in the order of time."""

    def __init__(
        self, detector: Detector | None, landmarker: Landmarker, *, every: float = EVERY
    ) -> None:
        """Start with nobody on screen.

        Args:
            detector: finds new faces and lost ones; None: the caller hands over what it detected.
            landmarker: card face-mesh or attention-mesh.
            every: seconds between two searches if nobody was lost; 0 searches each frame.
        """
        self._detector, self._landmarker, self._every = detector, landmarker, every
        self._faces: list[_Face] = []
        self._time = self._searched = -np.inf
        self._next = 0
        self._tried: dict[int, float] = {}  # track without a mesh -> s of the last attempt

    def __call__(
        self,
        image: Pixels,
        time: float,
        *,
        cut: bool = False,
        detected: Sequence[Face] | None = None,
    ) -> list[TrackedMesh]:
        """Find the meshes of one frame.

        Args:
            image: (H, W, 3).
            time: seconds, later than the frame before.
            cut: a shot begins, so nobody is followed.
            detected: faces of this frame with their tracks, if a detector ran on it: each mesh
                takes the number of its track. None: it did not.

        Returns:
            Who is followed, by number. A face that was lost is returned with its reason in each
            frame, for a second at most or until it is found; after a cut or as a double, once. An
            empty list: no face was detected.

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
        if detected is not None:
            self._assign(image, detected)
        elif self._detector and (cut or self._due()):
            self._search(image, _found(self._detector, image))
        gone += self._undouble()
        self._faces = [one for one in self._faces if time - one.seen <= PATIENCE]
        told = gone + [self._told(one) for one in self._faces]
        return sorted(told, key=lambda one: one.number)

    def renumber(self, numbers: Mapping[int, int]) -> None:
        """Go on under new numbers, where tracks were split: old number -> new one."""
        for one in self._faces:
            one.number = numbers.get(one.number, one.number)

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
            }
            for one in self._faces
        ]
        times = [None if np.isinf(time) else time for time in (self._time, self._searched)]
        tried = {str(track): time for track, time in self._tried.items()}
        return {"faces": faces, "times": times, "next": self._next, "tried": tried}

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
            )
            for one in state["faces"]
        ]
        self._time, self._searched = (-np.inf if t is None else t for t in state["times"])
        self._next = state["next"]
        self._tried = {int(track): time for track, time in state["tried"].items()}

    def _look(self, image: Pixels) -> None:
        """Look at each face where it was in the frame before."""
        followed = [one for one in self._faces if one.reason is None]
        size = self._landmarker.crop.size
        if not followed:
            return
        matrices = [_square(one, size) for one in followed]
        for one, points, presence in zip(
            followed, *run_landmarker(self._landmarker, image, matrices), strict=True
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

    def _search(self, image: Pixels, found: Sequence[Face]) -> dict[int, _Face]:
        """Find lost faces and new ones; give which detected face is which."""
        self._searched = self._time
        taken = self._matched(found, [one for one in self._faces if one.reason is None])
        rest = [i for i in range(len(found)) if i not in taken]
        lost = [one for one in self._faces if one.reason]
        again = self._matched([found[i] for i in rest], lost)
        if rest:
            meshes = fit_meshes(self._landmarker, image, [found[i] for i in rest])
            for k, (points, presence) in enumerate(zip(*meshes, strict=True)):
                if presence[0] >= PRESENT:
                    taken[rest[k]] = self._begin(again.get(k), points, float(presence[0]))
        for one in lost:
            if one.reason:
                one.reason = "low-presence" if one in again.values() else "no-face"
        return taken

    def _assign(self, image: Pixels, detected: Sequence[Face]) -> None:
        """Search among detected faces, and give each mesh the number of its face's track."""
        tracks = {face.track for face in detected}
        self._tried = {t: at for t, at in self._tried.items() if t in tracks}
        fresh = [face for face in detected if not self._waits(face)]
        pairs = self._search(image, fresh)
        owners = {id(one): fresh[i].track for i, one in pairs.items()}
        for i, face in enumerate(fresh):
            if i not in pairs and face.track is not None:
                self._tried[face.track] = self._time
        taken = set(owners.values())
        for one in list(self._faces):
            number = owners.get(id(one))
            if number is not None:
                one.number = number
            elif one.number in taken:  # its track has passed to another mesh
                self._faces.remove(one)

    def _waits(self, face: Face) -> bool:
        """Whether no mesh was found on this track a moment ago: the network is not asked again."""
        if face.track is None or any(one.number == face.track for one in self._faces):
            return False
        return self._time - self._tried.get(face.track, -np.inf) < EVERY - 1e-6

    def _begin(self, before: _Face | None, points: Floats, presence: float) -> _Face:
        """Go on with a face that was lost, or begin with a new one."""
        if before is None:
            before = _Face(self._next, points, presence, self._time)
            self._faces.append(before)
            self._next += 1
        else:
            before.points, before.presence = points, presence
            before.seen, before.reason, before.square = self._time, None, None
        return before

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

    def _undouble(self) -> list[TrackedMesh]:
        """Drop the younger of two meshes on one face."""
        kept: list[_Face] = []
        gone: list[TrackedMesh] = []
        for one in sorted(self._faces, key=lambda face: face.number):
            others = [other.box for other in kept if not other.reason]
            if not one.reason and others and iou(one.box[None], np.stack(others)).max() >= ONE:
                gone.append(self._gone(one, "doubled"))
            else:
                kept.append(one)
        self._faces = kept
        return gone

    def _gone(self, one: _Face, reason: str) -> TrackedMesh:
        return TrackedMesh(one.number, np.nan, None, reason)

    def _told(self, one: _Face) -> TrackedMesh:
        if one.reason:
            return TrackedMesh(one.number, one.presence, None, one.reason)
        return TrackedMesh(one.number, one.presence, one.points)


def mesh_box(points: Floats) -> Floats:
    """(4,) left, top, right, bottom of a (L, 2 or 3) mesh."""
    flat = points[:468, :2]
    box: Floats = np.concatenate([flat.min(axis=0), flat.max(axis=0)])
    return box


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
