"""Frame analysis: one frame in, one row per face out, with reasons for missing values."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mien.align import align
from mien.behaviour import OcclusionMonitor, without_occluded
from mien.behaviour.occlusion import covered_by_wear
from mien.body import HandsNear
from mien.detect import detect_with_retries
from mien.film.analyzer import POSES, Analyzer, Dense
from mien.film.clips import ClipRunner
from mien.film.readings import reading_columns
from mien.film.rows import FaceRow
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
from mien.track import FrameFaces, KeyFace, Segment, selection_score
from mien.types import Face, Floats, Pixels

# Below these limits half of all measures are off by more than 0.008 to 0.01 inter-ocular distances
# and one in ten by more than 0.03, as a faint action unit moves them (benchmarks/limits.py).
SMALL = 16.0  # px between the eyes; as in mien.decision.decide
BLURRED = 0.2  # sharpness, as in mien.quality; a Gaussian of 0.04 eye distances
TURNED = 45.0  # degrees of yaw or pitch from which the far side of a mesh is unreliable
PICTURE_REASONS = {"none": "no-face", "cut": "cut-off"}  # codes of detect -> codes of tables


class FrameAnalyzer:
    """The measure stage: meshes, measures and heads of every frame, in the order of time."""

    def __init__(self, analyzer: Analyzer) -> None:
        """Start without tracks.

        Args:
            analyzer: the models. If people are identified, the scan stage detects and tracks faces,
                and each mesh takes the number of its track; else the mesh tracker detects.
        """
        self._kit = analyzer
        detector = None if analyzer.names else analyzer.pipeline.detector
        self._meshes = MeshTracker(detector, analyzer.landmarker)
        self._occlusion = OcclusionMonitor(HandsNear(analyzer.hands) if analyzer.hands else None)
        self._clips = [ClipRunner(head) for head in analyzer.clip_heads]
        self._read: dict[int, float] = {}  # track -> s of the last readings of its heads

    @property
    def window(self) -> float:
        """Return the seconds before a frame that must be read again after a stop."""
        return max((one.window for one in self._clips), default=0.0)

    def state(self) -> dict[str, Any]:
        """Return the state that the next frame depends on, as JSON."""
        return {
            "meshes": self._meshes.state(),
            "occlusion": self._occlusion.state(),
            "read": {str(track): time for track, time in self._read.items()},
            "clips": [one.state() for one in self._clips],
        }

    def resume(self, state: dict[str, Any]) -> None:
        """Continue after the frame of `state`."""
        self._meshes.resume(state["meshes"])
        self._occlusion.resume(state["occlusion"])
        self._read = {int(track): time for track, time in state["read"].items()}
        for one, saved in zip(self._clips, state["clips"], strict=True):
            one.resume(saved)

    def see_again(self, image: Pixels, time: float) -> None:
        """Process a frame from before the stop, to restore the chips of clips."""
        for one in self._clips:
            one.see_again(image, time)

    def renumber(self, numbers: dict[int, int]) -> None:
        """Apply new numbers of split tracks: old number -> new number."""
        self._meshes.renumber(numbers)
        self._occlusion.renumber(numbers)
        self._read = {numbers.get(track, track): time for track, time in self._read.items()}
        for one in self._clips:
            one.renumber(numbers)

    def __call__(
        self,
        image: Pixels,
        time: float,
        number: int,
        *,
        cut: bool = False,
        detected: Sequence[Face] | None = None,
    ) -> list[FaceRow]:
        """Measure the faces of one frame; without a face, return a row with the reason.

        Args:
            image: (H, W, 3).
            time: seconds, later than the frame before.
            number: of the frame.
            cut: a shot begins.
            detected: tracked faces, if the scan stage sampled this frame.
        """
        camera = Camera.of(image.shape[0], image.shape[1], self._kit.fov)
        rows = []
        meshes = self._meshes(image, time, cut=cut, detected=detected)
        for one in self._occlusion(image, time, meshes):
            keys = {"frame": number, "time": time, "track": one.number}
            keys["confidence"] = one.presence
            if one.reason in ("cut", "doubled"):
                continue  # the face is not in this frame, or under another number
            if one.points is None:
                rows.append(FaceRow({**keys, "reason": one.reason}))
            else:
                row = measure_face(self._kit, image, one.points, one.presence, camera, keys)
                rows.append(_without(row, one.occluded, one.reason))
        here = {row.track for row in rows}
        for face in detected or ():  # tracked, but no mesh fits
            if face.track not in here:
                keys = {"frame": number, "time": time, "track": face.track or 0}
                rows.append(FaceRow({**keys, "confidence": np.nan, "reason": "low-presence"}))
        due = [row for row in rows if row.track is not None and self._due(row.track, time)]
        for row in read_heads(self._kit, image, due):
            assert row.track is not None
            self._read[row.track] = time
        for runner in self._clips:
            runner(image, time, rows)
        here = {row.track for row in rows}
        self._read = {track: at for track, at in self._read.items() if track in here}
        return rows or [FaceRow({"frame": number, "time": time, "reason": "no-face"})]

    def _due(self, track: int, time: float) -> bool:
        return time - self._read.get(track, -np.inf) >= self._kit.every - 1e-6


def analyze_image(analyzer: Analyzer, image: Pixels) -> tuple[list[FaceRow], Segment | None]:
    """Measure the faces of one image, highest score first; the image may be rotated.

    Returns:
        One row per face, or one with the reason. If people are identified, also their
        embedded faces, as in the photo engine.
    """
    found = detect_with_retries(analyzer.pipeline.detector, image, analyzer.pipeline.turns)
    nobody = {"frame": 0, "time": np.nan}
    if not found.faces:
        reason = PICTURE_REASONS.get(found.reason or "none", found.reason)
        return [FaceRow({**nobody, "reason": reason})], None
    image = found.pixels(image)
    points, presence = fit_meshes(analyzer.landmarker, image, found.faces)
    camera = Camera.of(image.shape[0], image.shape[1], analyzer.fov)
    rows = []
    for number, (mesh, seen) in enumerate(zip(points, presence[:, 0].tolist(), strict=True)):
        keys = {**nobody, "track": number, "confidence": seen}
        if seen < PRESENT:
            rows.append(FaceRow({**keys, "reason": "low-presence"}))
        else:
            row = measure_face(analyzer, image, mesh, seen, camera, keys)
            rows.append(_without(row, covered_by_wear(image, mesh), "occluded"))
    read_heads(analyzer, image, rows)
    if not analyzer.names:
        return rows, None
    embedded = enumerate(analyzer.pipeline.embed(image, found.faces))
    faces = tuple(replace(face, track=number) for number, face in embedded)
    key_faces = tuple(KeyFace(n, face, selection_score(face)) for n, face in enumerate(faces))
    return rows, Segment(0, (FrameFaces(0, 0.0, False, faces),), key_faces)


def measure_face(
    analyzer: Analyzer,
    image: Pixels,
    points: Floats,
    presence: float,
    camera: Camera,
    keys: dict[str, Any],
) -> FaceRow:
    """Return the row of one mesh; unreliable measures are missing, with the reason."""
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
    return FaceRow(values, _dense(analyzer.points, points, pose), face, points)


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


def read_heads(analyzer: Analyzer, image: Pixels, rows: list[FaceRow]) -> list[FaceRow]:
    """Run the heads on the faces of sufficient quality; return the rows that were read."""
    ready = [row for row in rows if row.face is not None and row.values["reason"] == "ok"]
    if not ready:
        return []
    faces = [row.face for row in ready if row.face]
    for head in analyzer.heads:
        for row, reading in zip(ready, head(align(image, faces, head.crop)), strict=True):
            row.values |= {name: value for name, (value, _) in reading_columns(reading).items()}
    return ready
