"""Measure pose and gaze on rendered heads, whose truth is known, and on rotated photos.

Heads of the face synthesiser (the built-in one, and ICT-FaceKit if its file is given) are drawn
with random turns, appearance and light. Pitch is also reported relative to the mean error of each
person, since heads differ and a person's own baseline removes that. Heads in which no face is
found, or that are more than 40 degrees off, are counted and left out of the means. Photos are
rotated in the plane, and the change of roll is reported.

Example: python benchmarks/pose.py --ict ict_facekit.npz --photo photo.jpg
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mien.geometry import Camera, ahead, gaze_angles, rotation
from mien.landmarks import fit_meshes, measure
from mien.media import read_image
from mien.synth import (
    Actor,
    HeadModel,
    Pose,
    Scene,
    gaze_weights,
    make_person,
    open_head,
    random_light,
    render,
)
from mien.synth import Camera as Lens
from mien.synth.head.ict import import_ict
from mien.types import Pixels
from mien.zoo import load

TURNS = (45.0, 25.0, 25.0)  # yaw, pitch, roll: as far either way, degrees
GAZES = (25.0, 15.0)  # of the eyes
LOST = 40.0  # degrees: with a larger error, the mesh does not lie on the face
LENS = Lens(384, 384)


@dataclass(frozen=True)
class Read:
    """One head: what was read minus what was drawn, degrees."""

    person: int
    pose: np.ndarray  # (3,) yaw, pitch, roll
    gaze: np.ndarray  # (2,) yaw and pitch in the head, mean of both eyes; NaN if both are closed


class Reader:
    """Detector, mesh and measures, opened once."""

    def __init__(self) -> None:
        self.detector, self.mesh = load("mtcnn"), load("attention-mesh")

    def __call__(self, image: Pixels, camera: Camera, passes: int = 2) -> dict[str, float] | None:
        """Measures of the most confident face, or None."""
        faces = self.detector(image)[:1]
        if not faces:
            return None
        [points], _ = fit_meshes(self.mesh, image, faces, passes=passes)
        return measure(points, camera)


def heads(model: HeadModel, people: int, each: int, read: Reader) -> Iterator[Read | None]:
    """Draw and read; None where no face is found."""
    random = np.random.default_rng(0)
    camera = Camera(LENS.focal_px, LENS.width / 2, LENS.height / 2)
    for person in range(people):
        actor = Actor(model, make_person(person, model))
        for number in range(each):
            turn = random.uniform(-1, 1, 3) * TURNS * (number > 0)
            gaze = random.uniform(-1, 1, 2) * GAZES * (number > 2)
            light = random_light(random)
            scene = Scene(gaze_weights(*gaze), Pose(*turn), LENS, light)
            found = read(render(actor, scene, truth=False).rgb, camera)
            yield None if found is None else _compared(person, found, turn, gaze)


def _compared(person: int, found: dict[str, float], turn: np.ndarray, gaze: np.ndarray) -> Read:
    pose = np.array([found[name] for name in ("yaw", "pitch", "roll")])
    back = rotation(*pose).T
    eyes = [
        gaze_angles(back @ ahead(found[f"gaze_yaw_{side}"], found[f"gaze_pitch_{side}"]))
        for side in ("left", "right")
        if np.isfinite(found[f"gaze_yaw_{side}"])
    ]
    gaze = np.mean(eyes, axis=0) - gaze if eyes else np.full(2, np.nan)
    return Read(person, pose - turn, gaze)


def report(name: str, reads: list[Read | None]) -> None:
    """Print mean absolute errors."""
    seen = [one for one in reads if one is not None]
    kept = [one for one in seen if np.abs(one.pose).max() < LOST]
    print(f"{name}: {len(reads)} heads, {len(reads) - len(seen)} without a face, ", end="")
    print(f"{len(seen) - len(kept)} lost; mean error in degrees")
    pose, gaze = np.array([one.pose for one in kept]), np.array([one.gaze for one in kept])
    who = np.array([one.person for one in kept])
    own = pose - np.array([pose[who == one].mean(axis=0) for one in who])
    for what, errors in (("yaw, pitch, roll", pose), ("against the person's mean", own)):
        print(f"  {what:27}", *(f"{v:6.2f}" for v in np.abs(errors).mean(axis=0)))
    print(f"  {'bias':27}", *(f"{v:+6.2f}" for v in pose.mean(axis=0)))
    shut = int(np.isnan(gaze[:, 0]).sum())
    means = np.nanmean(np.abs(gaze), axis=0)
    print(f"  {'gaze yaw, pitch':27}", *(f"{v:6.2f}" for v in means), f" ({shut} closed)")


def turned(path: Path, read: Reader) -> None:
    """Print the roll of a photo at several turns, against that of the photo as it is."""
    image = read_image(path)
    height, width = image.shape[:2]
    rolls = {}
    for degrees in (0, -30, -20, -10, 10, 20, 30):
        matrix = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), -degrees, 1)
        found = read(cv2.warpAffine(image, matrix, (width, height)), Camera.of(height, width))
        rolls[degrees] = found["roll"] if found else float("nan")
    changes = [f"{d:+d}: {roll - rolls[0]:+.2f}" for d, roll in rolls.items() if d]
    print(f"{path.name}, turned by: change of roll;  {',  '.join(changes)}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ict", type=Path, help="ict_facekit.npz, or the folder FaceXModel")
    parser.add_argument("--photo", type=Path, nargs="*", default=[])
    parser.add_argument("--people", type=int, default=6)
    parser.add_argument("--each", type=int, default=9, help="pictures of each person")
    args = parser.parse_args()
    read = Reader()
    models = [open_head("builtin"), *([import_ict(args.ict)] if args.ict else [])]
    for model in models:
        report(model.name, list(heads(model, args.people, args.each, read)))
    for path in args.photo:
        turned(path, read)


if __name__ == "__main__":
    main()
