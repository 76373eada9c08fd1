"""Assessment of all quality components of all faces of an image."""

from collections.abc import Sequence

import numpy as np

from mien.errors import ImageError
from mien.geometry import pose_from_points
from mien.quality import light
from mien.quality.advice import advise
from mien.quality.framing import (
    Component,
    head_pose,
    head_size,
    inter_eye_distance,
    margins,
    single_face_present,
)
from mien.quality.region import cheeks, cut, histogram
from mien.quality.sharpness import sharpness
from mien.types import Face, Floats, Pixels, Quality

# Below this distance, errors of the detector are about as large as the face.
_SMALLEST = 10.0  # px between the eyes
_SMALLEST_BOX = 24.0  # px, the shorter side; for faces without points


def judge(image: Pixels, faces: Sequence[Face]) -> list[Quality]:
    """Measure the usability of faces for recognition.

    Components have the names of ISO/IEC 29794-5:2025. A component that cannot be computed is
    absent, never 0: without points there are no pose, distances and margins; below 10 px between
    the eyes there is only the size; a face on its side has no margins; grey images
    have no natural colour. Components that need a network (unified quality score, eyes open,
    mouth closed, occlusions, compression artefacts, expression, background, head coverings) are
    not in this room.

    Args:
        image: (H, W, 3) uint8 RGB, upright.
        faces: all faces of the image, with boxes and optional points in its px.

    Returns:
        One Quality per face, in the same order.

    Raises:
        ImageError: the image is not (H, W, 3) uint8.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise ImageError(
            f"An array of shape {image.shape} and type {image.dtype} is not an image: expected "
            "(H, W, 3) uint8 RGB; convert it with mien.media.read_image."
        )
    alone = single_face_present(faces)
    return [_judge(image, face, alone) for face in faces]


def _judge(image: Pixels, face: Face, alone: Component) -> Quality:
    found: dict[str, Component] = {"single_face_present": alone}
    points = _usable(face.points)
    large = _framing(found, points, image.shape) if points is not None else _is_large(face.box)
    cheek_ratio = _pixels(found, image, points, face.box) if large else None
    measures = {name: measure for name, (measure, _) in found.items()}
    components = {name: component for name, (_, component) in found.items()}
    return Quality(components, measures, advise(components, measures, cheek_ratio))


def _framing(found: dict[str, Component], points: Floats, shape: tuple[int, ...]) -> bool:
    """Add the components from points; return whether the face is large enough for pixels."""
    yaw, pitch, roll = pose_from_points(points)
    found["inter_eye_distance"] = inter_eye_distance(points, yaw)
    if found["inter_eye_distance"][0] < _SMALLEST:
        return False
    for name, angle in (("yaw", yaw), ("pitch", pitch), ("roll", roll)):
        found[f"head_pose_{name}"] = head_pose(angle)
    if abs(roll) <= 45:  # otherwise the top and bottom margins are not those of the image
        found["head_size"] = head_size(points, shape[0])
        found.update(margins(points, shape[1], shape[0]))
    return True


def _pixels(
    found: dict[str, Component], image: Pixels, points: Floats | None, box: Floats
) -> float | None:
    """Add the components from pixels; return the ratio of light of the two cheeks."""
    sharp = sharpness(image, points, box)
    if sharp is not None:
        found["sharpness"] = sharp
    region = cut(image, points, box)
    if region is None:
        return None
    shares = histogram(region.luminance, region.mask)
    found["under_exposure_prevention"] = light.under_exposure_prevention(shares)
    found["over_exposure_prevention"] = light.over_exposure_prevention(shares)
    found["dynamic_range"] = light.dynamic_range(shares)
    found["luminance_mean"] = light.luminance_mean(shares)
    found["luminance_variance"] = light.luminance_variance(shares)
    if not region.aligned or not all(zone.all() for zone in cheeks(region.mask)):
        return None  # no points, or a cheek is outside the image
    left, right = cheeks(region.luminance)
    uniformity = light.illumination_uniformity(histogram(left), histogram(right))
    found["illumination_uniformity"] = uniformity
    colour = light.natural_colour(*cheeks(region.chip))
    if colour is not None:
        found["natural_colour"] = colour
    return light.ratio(left, right)


def _usable(points: Floats | None) -> Floats | None:
    """Return the points, or None if they are not finite or coincide."""
    if points is None or not np.isfinite(points).all():
        return None
    apart, down = points[1] - points[0], points[3:].mean(axis=0) - points[:2].mean(axis=0)
    return points if min(np.linalg.norm(apart), np.linalg.norm(down)) >= 1 else None


def _is_large(box: Floats) -> bool:
    return bool(np.isfinite(box).all() and (box[2:] - box[:2]).min() >= _SMALLEST_BOX)
