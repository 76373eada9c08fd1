"""One frame in, one row a face out: mesh, pose, gaze, measures, heads; or why they are missing."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mien.align import align
from mien.behaviour import OcclusionMonitor, without_occluded
from mien.behaviour.masks import UNDER, masked
from mien.behaviour.occlusion import colours
from mien.body import HandsNear
from mien.detect import detect_with_retries
from mien.film.analyzer import POSES, Analyzer, Dense, reading_columns
from mien.geometry import POINTS, Camera, Pose, eye_distance
from mien.landmarks import (
    SUBSET_68,
    UNITS,
    MeshTracker,
    fit_meshes,
    five_points,
    head_pose,
    measure_head,
)
from mien.landmarks.mesh_tracker import PRESENT
from mien.quality.sharpness import sharpness
from mien.tables import Column
from mien.types import Face, Floats, Pixels

# Below these limits half of all measures are off by more than 0.008 to 0.01 inter-ocular distances
# and one in ten by more than 0.03, as a faint action unit moves them (benchmarks/limits.py).
SMALL = 16.0  # px between the eyes; as in mien.decision.decide
BLURRED = 0.2  # sharpness, as mien.quality tells it; a Gaussian of 0.04 eye distances
TURNED = 45.0  # degrees of yaw or pitch from which the far side of a mesh is a guess
PICTURE_REASONS = {"none": "no-face", "cut": "cut-off"}  # detect's words that mean others here


@dataclass(slots=True, eq=False)
class FaceRow:
    """One face in one frame."""

    values: dict[str, Any]  # column -> number or text; what is not there is missing
    dense: dict[str, Floats] = field(default_factory=dict)  # "68": (68, 5), "mesh": (478, 3)
    face: Face | None = None  # to be named by; None if its points are not known

    @property
    def track(self) -> int | None:
        """The number of the face."""
        number: int | None = self.values.get("track")
        return number


class FrameAnalyzer:
    """Looks at the frames of one film or camera, in the order of time."""

    def __init__(self, kit: Analyzer) -> None:
        """Start with nobody on screen."""
        self._kit = kit
        self._meshes = MeshTracker(kit.pipeline.detector, kit.landmarker)
        self._occlusion = OcclusionMonitor(HandsNear(kit.hands) if kit.hands else None)
        self._read: dict[int, float] = {}  # track -> s at which its heads were read

    def state(self) -> dict[str, Any]:
        """All that the next frame depends on, as JSON."""
        read = {str(track): time for track, time in self._read.items()}
        return {
            "meshes": self._meshes.state(),
            "occlusion": self._occlusion.state(),
            "read": read,
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Go on behind the frame at which `state` was asked for."""
        self._meshes.resume(state["meshes"])
        self._occlusion.resume(state["occlusion"])
        self._read = {int(track): time for track, time in state["read"].items()}

    def __call__(
        self, image: Pixels, time: float, number: int, *, cut: bool = False
    ) -> list[FaceRow]:
        """Measure the faces of one frame; a frame without one gives a row with the reason."""
        camera = Camera.of(image.shape[0], image.shape[1], self._kit.fov)
        rows = []
        for one in self._occlusion(image, time, self._meshes(image, time, cut=cut)):
            keys = {"frame": number, "time": time, "track": one.number}
            keys["confidence"] = one.presence
            if one.reason in ("cut", "doubled"):
                continue  # the face is not in this frame, or under another number
            if one.points is None:
                rows.append(FaceRow({**keys, "reason": one.reason}))
            else:
                row = measure_face(self._kit, image, one.points, one.presence, camera, keys)
                rows.append(_without(row, one.occluded, one.reason))
        due = [row for row in rows if row.track is not None and self._due(row.track, time)]
        for row in read_heads(self._kit, image, due):
            assert row.track is not None
            self._read[row.track] = time
        here = {row.track for row in rows}
        self._read = {track: at for track, at in self._read.items() if track in here}
        return rows or [FaceRow({"frame": number, "time": time, "reason": "no-face"})]

    def _due(self, track: int, time: float) -> bool:
        return time - self._read.get(track, -np.inf) >= self._kit.every - 1e-6


def analyze_image(kit: Analyzer, image: Pixels) -> list[FaceRow]:
    """Measure the faces of one picture, largest confidence first; it may be turned."""
    found = detect_with_retries(kit.pipeline.detector, image, kit.pipeline.turns)
    nobody = {"frame": 0, "time": np.nan}
    if not found.faces:
        reason = PICTURE_REASONS.get(found.reason or "none", found.reason)
        return [FaceRow({**nobody, "reason": reason})]
    points, presence = fit_meshes(kit.landmarker, image, found.faces)
    camera = Camera.of(image.shape[0], image.shape[1], kit.fov)
    rows = []
    for number, (mesh, seen) in enumerate(zip(points, presence[:, 0].tolist(), strict=True)):
        keys = {**nobody, "track": number, "confidence": seen}
        if seen < PRESENT:
            rows.append(FaceRow({**keys, "reason": "low-presence"}))
        else:
            row = measure_face(kit, image, mesh, seen, camera, keys)
            rows.append(_without(row, UNDER, "occluded") if masked(colours(image, mesh)) else row)
    read_heads(kit, image, rows)
    return rows


def measure_face(
    kit: Analyzer,
    image: Pixels,
    points: Floats,
    presence: float,
    camera: Camera,
    keys: dict[str, Any],
) -> FaceRow:
    """The row of one mesh; what cannot be trusted is left out, with the reason."""
    flat = points[:468, :2]
    box = np.concatenate([flat.min(axis=0), flat.max(axis=0)])
    five = five_points(points)
    eyes = eye_distance(five)
    values = dict(keys)
    values |= dict(zip(("box_left", "box_top", "box_right", "box_bottom"), box.tolist(),
                       strict=True))  # fmt: skip
    for name, (x, y) in zip(POINTS, five.tolist(), strict=True):
        values |= {f"{name}_x": x, f"{name}_y": y}
    sharp = sharpness(image, five, box)
    pose = head_pose(points, camera)
    found = measure_head(pose)
    values |= {"eye_distance": eyes, "sharpness": sharp[0] if sharp else np.nan}
    values["reason"] = _reason(eyes, values["sharpness"], found)
    kept = UNITS if values["reason"] == "ok" else POSES
    values |= {name: found[name] for name in kept}
    face = Face(box, presence, five, time=keys["time"], track=keys["track"])
    return FaceRow(values, _dense(kit.points, points, pose), face)


def _without(row: FaceRow, hidden: Collection[str], reason: str | None) -> FaceRow:
    """The row, with the measures of hidden parts missing."""
    if hidden and row.values["reason"] == "ok":
        row.values |= without_occluded({name: row.values[name] for name in UNITS}, hidden)
        row.values["reason"] = reason
    return row


def _reason(eyes: float, sharp: float, found: dict[str, float]) -> str:
    if eyes < SMALL:
        return "too-small"
    if max(abs(found["yaw"]), abs(found["pitch"])) > TURNED:
        return "extreme-pose"
    return "blurred" if sharp < BLURRED else "ok"


def _dense(kind: Dense, points: Floats, pose: Pose) -> dict[str, Floats]:
    if kind == "five":
        return {}
    chosen = list(SUBSET_68)
    space = pose.points[chosen] @ pose.rotation.T + pose.position  # mm, camera axes
    found = {"68": np.concatenate([points[chosen, :2], space], axis=1).astype(np.float32)}
    return found if kind == "68" else {**found, "mesh": points}


def read_heads(kit: Analyzer, image: Pixels, rows: list[FaceRow]) -> list[FaceRow]:
    """Ask the heads about the faces that can be seen well; give the rows that were read."""
    ready = [row for row in rows if row.face is not None and row.values["reason"] == "ok"]
    if not ready:
        return []
    faces = [row.face for row in ready if row.face]
    for head in kit.heads:
        for row, reading in zip(ready, head(align(image, faces, head.crop)), strict=True):
            row.values |= {name: value for name, (value, _) in reading_columns(reading).items()}
    return ready


def values_of(columns: list[Column], rows: list[FaceRow]) -> dict[str, Any]:
    """Rows as columns: lists, and arrays where all numbers are there."""
    found: dict[str, Any] = {}
    missing = {"float": np.nan, "single": np.nan, "int": None, "text": None}
    spread = {kind: _spread(kind, rows) for kind in ("68", "mesh")}
    for column in columns:
        name, blank = column.name, missing[column.kind]
        kind, axis, point = _place(name) if column.group == "landmarks" else ("", 0, 0)
        if kind:
            found[name] = spread[kind][:, point, axis]
        else:
            found[name] = [row.values.get(name, blank) for row in rows]
    return found


def _spread(kind: str, rows: list[FaceRow]) -> Floats:
    """(N, L, D) of all rows, NaN where a row has none."""
    shape = (68, 5) if kind == "68" else (478, 3)
    if not any(kind in row.dense for row in rows):
        return np.full((len(rows), *shape), np.nan, np.float32)
    gone = np.full(shape, np.nan, np.float32)
    return np.stack([row.dense.get(kind, gone) for row in rows])


def _place(name: str) -> tuple[str, int, int]:
    """Which number of which block a column of points is: "Y_3" is the fourth of 68, 3."""
    *head, axis, point = name.split("_")
    return (
        ("mesh", "xyz".index(axis), int(point)) if head else ("68", "xyXYZ".index(axis), int(point))
    )
