"""Size, place and pose of a face: components that the five points alone give.

Each function returns the native measure and the component, 0 (worst) to 100 (best). Formulae and
curves are those of ISO/IEC 29794-5:2025 as its reference implementation OFIQ 1.x configures them
(github.com/BSI-OFIQ/OFIQ-Project, OFIQlib/modules/measures, data/ofiq_config.jaxn). Where the
standard asks for more landmarks than five we say how we do without.
"""

import math
from collections.abc import Sequence

import numpy as np

from mien.geometry import eye_distance
from mien.quality.scales import scalar, sigmoid
from mien.types import Face, Floats

Component = tuple[float, float]  # native measure, 0 to 100

# From the middle of the eyes to the chin is 1.59 times as far as to the mouth. The five points
# have no chin. Measured on the mean face of ICT-FaceKit (USC, 2020); over 300 faces drawn from
# its identities the ratio has a standard deviation of 0.05, or 3 %.
_CHIN = 1.59

# Five points say little about the yaw beyond this, so widths are not corrected for more.
_MOST_YAW = 45.0  # degrees


def inter_eye_distance(points: Floats, yaw: float) -> Component:
    """Distance between the eyes in px, as if the face were seen from the front.

    Args:
        points: (5, 2) px, in the order of mien.geometry.POINTS.
        yaw: degrees.

    Source: ISO/IEC 29794-5:2025, 7.4.8. We correct for at most 45 degrees of yaw, and the eyes
    are the detector's two points, not the middles of the eye corners.
    """
    turned = math.radians(min(abs(yaw), _MOST_YAW))
    distance = eye_distance(points) / math.cos(turned)
    return distance, scalar(100 * sigmoid(distance, 70, 20))


def head_size(points: Floats, height: int) -> Component:
    """Eyes to chin as a share of the picture's height; 0.45 is best: that of a portrait.

    Source: ISO/IEC 29794-5:2025, 7.4.9. The chin is set from eyes and mouth.
    """
    share = _eyes_to_chin(points) / height
    return share, scalar(200 * (1 - sigmoid(abs(share - 0.45), 0, 0.05)))


def margins(points: Floats, width: int, height: int) -> dict[str, Component]:
    """Room between the face and the four sides of the picture.

    Args:
        points: (5, 2) px.
        width: of the picture, px.
        height: of the picture, px.

    Returns:
        Four components by name. Sideways the measure is the distance from the outer eye to the
        side in eye distances, upwards and downwards that from the middle of the eyes in lengths
        from eyes to chin. "Leftward crop" is about image left.

    Source: ISO/IEC 29794-5:2025, 7.4.10.1 to 7.4.10.4. The chin is set from eyes and mouth.
    """
    apart = eye_distance(points)
    chin = _eyes_to_chin(points)
    middle = float(points[:2, 1].mean())
    left, right = float(points[:2, 0].min()), float(points[:2, 0].max())
    measures = {
        "leftward_crop_of_the_face_image": (left / apart, 0.9),
        "rightward_crop_of_the_face_image": ((width - right) / apart, 0.9),
        "margin_above_of_the_face_image": (middle / chin, 1.4),
        "margin_below_of_the_face_image": ((height - middle) / chin, 1.8),
    }
    return {
        name: (measure, scalar(100 * sigmoid(measure, half, 0.1)))
        for name, (measure, half) in measures.items()
    }


def head_pose(degrees: float) -> Component:
    """How far the head is turned, nodded or tilted; the measure keeps its sign.

    Source: ISO/IEC 29794-5:2025, 7.4.11: the squared cosine. We give 0 beyond 90 degrees, where
    the square alone would rise again and call a head upside down upright. The angles come from
    five points (mien.geometry.pose_from_points) and not from a 3D model.
    """
    return degrees, scalar(100 * max(0.0, math.cos(math.radians(degrees))) ** 2)


def single_face_present(faces: Sequence[Face]) -> Component:
    """How much the largest face of a picture outdoes the next; the measure is 0 if it is alone.

    Returns:
        Root of the ratio of the second largest box to the largest, in [0, 1], and the component,
        which belongs to the picture and is the same for all its faces.

    Source: ISO/IEC 29794-5:2025, 7.4.2, in the form of OFIQ 1.1 (square root of the areas).
    """
    areas = sorted((_area(face) for face in faces), reverse=True)
    ratio = math.sqrt(areas[1] / areas[0]) if len(areas) > 1 and areas[0] > 0 else 0.0
    return ratio, scalar(100 * (1 - ratio))


def _eyes_to_chin(points: Floats) -> float:
    return _CHIN * float(np.linalg.norm(points[3:].mean(axis=0) - points[:2].mean(axis=0)))


def _area(face: Face) -> float:
    left, top, right, bottom = (float(side) for side in face.box)
    area = max(right - left, 0.0) * max(bottom - top, 0.0)
    return area if math.isfinite(area) else 0.0
