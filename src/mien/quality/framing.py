"""Size, position and pose of a face: components from the five points.

Each function returns the native measure and the component, 0 (worst) to 100 (best). Formulae and
curves are those of ISO/IEC 29794-5:2025 as its reference implementation OFIQ 1.x configures them
(github.com/BSI-OFIQ/OFIQ-Project, OFIQlib/modules/measures, data/ofiq_config.jaxn). Where the
standard requires more than five landmarks, the docstring states the substitute.
"""

import math
from collections.abc import Sequence

import numpy as np

from mien.geometry import eye_distance
from mien.quality.scales import scalar, sigmoid
from mien.types import Face, Floats

Component = tuple[float, float]  # native measure, 0 to 100

# The chin is 1.59 times as far from the centre of the eyes as the mouth. The five points
# have no chin. Measured on the mean face of ICT-FaceKit (USC, 2020); over 300 faces drawn from
# its identities the ratio has a standard deviation of 0.05, or 3 %.
_CHIN = 1.59

# Beyond this yaw, five points are unreliable, so widths are not corrected further.
_MOST_YAW = 45.0  # degrees


def inter_eye_distance(points: Floats, yaw: float) -> Component:
    """Compute the distance between the eyes in px, corrected to a frontal view.

    Args:
        points: (5, 2) px, in the order of mien.geometry.POINTS.
        yaw: degrees.

    Source: ISO/IEC 29794-5:2025, 7.4.8. The correction ends at 45 degrees of yaw, and the eyes
    are the detector's two points, not the middles of the eye corners.
    """
    turned = math.radians(min(abs(yaw), _MOST_YAW))
    distance = eye_distance(points) / math.cos(turned)
    return distance, scalar(100 * sigmoid(distance, 70, 20))


def head_size(points: Floats, height: int) -> Component:
    """Compute eyes to chin as a share of the image height; 0.45 is best: a portrait.

    Source: ISO/IEC 29794-5:2025, 7.4.9. The chin is derived from eyes and mouth.
    """
    share = _eyes_to_chin(points) / height
    return share, scalar(200 * (1 - sigmoid(abs(share - 0.45), 0, 0.05)))


def margins(points: Floats, width: int, height: int) -> dict[str, Component]:
    """Compute the margins between the face and the four sides of the image.

    Args:
        points: (5, 2) px.
        width: of the image, px.
        height: of the image, px.

    Returns:
        Four components by name. Sideways, the measure is the distance from the outer eye to the
        side in eye distances, upwards and downwards that from the middle of the eyes in lengths
        from eyes to chin. "Leftward crop" means image left.

    Source: ISO/IEC 29794-5:2025, 7.4.10.1 to 7.4.10.4. The chin is derived from eyes and mouth.
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
    """Compute the pose component of yaw, pitch or roll; the measure keeps its sign.

    Source: ISO/IEC 29794-5:2025, 7.4.11: the squared cosine. It is 0 beyond 90 degrees, where
    the square would rise again and rate an inverted head as upright. The angles come from
    five points (mien.geometry.pose_from_points) and not from a 3D model.
    """
    return degrees, scalar(100 * max(0.0, math.cos(math.radians(degrees))) ** 2)


def single_face_present(faces: Sequence[Face]) -> Component:
    """Compare the largest face of an image with the second largest; 0 if there is one face.

    Returns:
        Root of the ratio of the second largest box to the largest, in [0, 1], and the component,
        which describes the image and is the same for all its faces.

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
