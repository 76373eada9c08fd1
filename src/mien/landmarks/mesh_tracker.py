"""Mesh tracking: the meshes of several faces over consecutive frames.

Source: the loop of MediaPipe's face_landmark_front graph. The next region comes from the
previous mesh; the detector runs only if that fails, or to find new faces. Nothing is smoothed.
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
    "low-presence": "The mesh network finds no face at the last place of this face.",
    "no-face": "The detector also finds no face at the last place of this face.",
    "doubled": "Two meshes converged on one face; the older one is kept.",
    "cut": "A shot began; tracks end at a cut.",
}
PRESENT = 0.5  # presence from which points are used; as in MediaPipe's graph
EVERY = 0.5  # s between two detections of new faces
AGAIN = 0.1  # s between two searches for a lost face
PATIENCE = 1.0  # s that a lost face is searched for; equal to the patience of box tracks
SAME = 0.3  # overlap from which a detected face is the tracked or lost face
# A new square for each frame feeds the output of the network back to it: on one of two still
# photos the points did not converge, but moved by 0.7 % of the eye distance per frame. A square is
# therefore kept until the corners of the requested one differ by more than this share of its side.
STAY = 0.02
LINES = 480  # lines of the reduced copy for detection: this number to twice as many
ONE = 0.6  # overlap from which two meshes are on one face; adjacent heads overlap less


@dataclass(frozen=True, slots=True, eq=False)
class TrackedMesh:
    """One face in one frame: its points, or the reason for their absence."""

    number: int  # constant while the face is tracked; it does not identify the person
    presence: float  # presence in [0, 1]; NaN if the network did not run
    points: Floats | None  # (L, 3) x, y, depth, px of the frame; None where `reason` says why
    reason: str | None = None  # a code of REASONS; with points: why some parts are occluded
    occluded: frozenset[str] = frozenset()  # of behaviour.PARTS, their points are unreliable

    @property
    def box(self) -> Floats:
        """Return the box of the mesh, (4,); requires points."""
        assert self.points is not None
        return mesh_box(self.points)


@dataclass(slots=True, eq=False)
class _Face:
    """A face that is tracked, or was lost recently."""

    number: int
    points: Floats  # (L, 3) last known points
    presence: float
    seen: float  # s, when
    reason: str | None = None
    square: Floats | None = None  # (2, 3) its last region, from image to chip px

    @property
    def box(self) -> Floats:
        """Return the box of the mesh, (4,)."""
        return mesh_box(self.points)


class MeshTracker:
    """Track the meshes of all faces; call it per frame, in the order of time."""

    def __init__(
        self, detector: Detector | None, landmarker: Landmarker, *, every: float = EVERY
    ) -> None:
        """Start without tracks.

        Args:
            detector: finds new and lost faces; None: the caller passes detected faces.
            landmarker: card face-mesh or attention-mesh.
            every: seconds between two detections if no face is lost; 0: every frame.
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
            time: seconds, later than the previous frame.
            cut: a shot begins, so all tracks end.
            detected: tracked faces of this frame, if a detector ran on it: each mesh
                takes the number of its track. None: it did not.

        The tracked faces, by number. A lost face is returned with its reason in each frame, for
        one second at most or until it is found; after a cut or as a duplicate, once. An empty
        list: no face was detected.

        Raises:
            ValueError: the time is not later than that of the previous frame.
        """
        if not time > self._time:
            raise ValueError(
                f"Frame time {time} s is not after {self._time} s: sort the frames by time."
            )
        gone = [self._gone(one, "cut") for one in self._faces] if cut else []
        if cut:
            self._faces = []
        self._time = time
        self._track(image)
        if detected is not None:
            self._assign(image, detected)
        elif self._detector and (cut or self._due()):
            self._search(image, _found(self._detector, image))
        gone += self._undouble()
        self._faces = [one for one in self._faces if time - one.seen <= PATIENCE]
        results = gone + [self._result(one) for one in self._faces]
        return sorted(results, key=lambda one: one.number)

    def renumber(self, numbers: Mapping[int, int]) -> None:
        """Apply new numbers of split tracks: old number -> new number."""
        for one in self._faces:
            one.number = numbers.get(one.number, one.number)

    def state(self) -> dict[str, Any]:
        """Return the state that the next frame depends on, as JSON, for a later `resume`."""
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
        """Continue after the frame of `state`."""
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

    def _track(self, image: Pixels) -> None:
        """Run the landmarker at the place of each face in the previous frame."""
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
        """Return whether to run the detector: it is time, or a face was lost recently."""
        passed = self._time - self._searched + 1e-6  # timestamps are rounded
        lost = [one for one in self._faces if one.reason]
        fresh = any(one.reason == "low-presence" for one in lost)
        return passed >= self._every or fresh or (bool(lost) and passed >= AGAIN)

    def _search(self, image: Pixels, found: Sequence[Face]) -> dict[int, _Face]:
        """Find lost and new faces; return which detected face is which."""
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
        """Search among detected faces, and assign the track number of its face to each mesh."""
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
            elif one.number in taken:  # its track is now that of another mesh
                self._faces.remove(one)

    def _waits(self, face: Face) -> bool:
        """Return whether the network failed on this track recently, so that it is not run again."""
        if face.track is None or any(one.number == face.track for one in self._faces):
            return False
        return self._time - self._tried.get(face.track, -np.inf) < EVERY - 1e-6

    def _begin(self, before: _Face | None, points: Floats, presence: float) -> _Face:
        """Continue a lost face, or begin a new one."""
        if before is None:
            before = _Face(self._next, points, presence, self._time)
            self._faces.append(before)
            self._next += 1
        else:
            before.points, before.presence = points, presence
            before.seen, before.reason, before.square = self._time, None, None
        return before

    def _matched(self, found: Sequence[Face], faces: list[_Face]) -> dict[int, _Face]:
        """Match detected faces to known faces, largest overlap first."""
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
        """Drop the newer of two meshes on one face."""
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

    def _result(self, one: _Face) -> TrackedMesh:
        if one.reason:
            return TrackedMesh(one.number, one.presence, None, one.reason)
        return TrackedMesh(one.number, one.presence, one.points)


def mesh_box(points: Floats) -> Floats:
    """Return left, top, right, bottom (4,) of a (L, 2 or 3) mesh."""
    flat = points[:468, :2]
    box: Floats = np.concatenate([flat.min(axis=0), flat.max(axis=0)])
    return box


def _found(detector: Detector, image: Pixels) -> list[Face]:
    """Detect the faces of a frame, in a reduced copy if it has many lines.

    Only the positions are needed: the mesh is then fitted in the full frame.
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
    """Return the next region: the previous one, unless the face has left its middle."""
    wanted = mesh_region(one.points, size)
    if one.square is not None:
        corners = np.array([[0, 0], [size, 0], [0, size], [size, size]], np.float32)
        moved = np.linalg.norm(transform(back(corners, wanted), one.square) - corners, axis=1)
        if moved.max() <= STAY * size:
            return one.square
    one.square = wanted
    return wanted
