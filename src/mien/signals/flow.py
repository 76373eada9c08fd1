"""Dense optical flow between two grey images, and the optical strain of a flow."""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien.types import Doubles, Floats, Pixels

Method = Literal["dis", "tvl1"]
LEAST = 16  # px of the shorter side; DIS needs more than one patch of 8 px


def dense_flow(
    before: NDArray[np.uint8], after: NDArray[np.uint8], *, method: Method = "dis"
) -> Floats:
    """Motion of each pixel from the first image to the second.

    Args:
        before: (H, W) grey values; both sides at least 16 px.
        after: (H, W) grey values.
        method: "dis" (Kroeger et al., arXiv:1603.03590, preset medium) or "tvl1" (Zach et al.,
            DAGM 2007). TV-L1 needs an OpenCV with the module optflow.

    Returns:
        (H, W, 2) px: what is at (x, y) in `before` is at (x + u, y + v) in `after`; v points down.

    Raises:
        MienError: shapes or types differ or are too small, or OpenCV lacks the method.
    """
    for image in (before, after):
        if image.dtype != np.uint8 or image.ndim != 2 or image.shape != before.shape:
            raise MienError(
                f"Optical flow needs two grey uint8 images of one size, got {before.dtype} "
                f"{before.shape} and {after.dtype} {after.shape}."
            )
    if min(before.shape) < LEAST:
        raise MienError(f"Optical flow needs {LEAST} px per side, got {before.shape}.")
    if method == "dis":
        preset = cv2.DISOPTICAL_FLOW_PRESET_MEDIUM
        return np.asarray(cv2.DISOpticalFlow.create(preset).calc(before, after, None))  # type: ignore[call-overload]
    made = getattr(getattr(cv2, "optflow", None), "DualTVL1OpticalFlow_create", None)
    if made is None:
        raise MienError(
            "This OpenCV has no TV-L1 flow (module optflow); use the method 'dis', or install "
            "opencv-contrib-python-headless instead of opencv-python-headless."
        )
    return np.asarray(made().calc(before, after, None))


def optical_strain(flow: Floats) -> Floats:
    """Size of the deformation of a flow: 0 where the whole image moves as one.

    Args:
        flow: (..., H, W, 2) px.

    Returns:
        (..., H, W): sqrt(u_x^2 + v_y^2 + (u_y + v_x)^2 / 2), the norm of the strain tensor.

    Source: Shreve et al., FG 2011; the form that MEGC baselines use (Liong et al., 2023).
    """
    u, v = np.asarray(flow, np.float64)[..., 0], np.asarray(flow, np.float64)[..., 1]
    u_y, u_x = np.gradient(u, axis=(-2, -1))
    v_y, v_x = np.gradient(v, axis=(-2, -1))
    return np.asarray(np.sqrt(u_x**2 + v_y**2 + (u_y + v_x) ** 2 / 2), np.float32)


def still_motion(flow: Floats, still: NDArray[np.bool_]) -> Floats:
    """Motion of the whole head: the affine flow that fits the still parts of a face best.

    Args:
        flow: (H, W, 2) px.
        still: (H, W) where the face does not deform, such as the bridge of the nose; 3 px or more.

    Returns:
        (H, W, 2) px; subtract it from the flow. Least squares, refitted once without the tenth of
        the pixels that fit worst.
    """
    rows, columns = np.nonzero(still)
    if len(rows) < 3:
        raise MienError(f"The motion of a head needs 3 still px or more, got {len(rows)}.")
    height, width = still.shape
    where = np.stack([columns / width, rows / height, np.ones(len(rows))], 1)
    moved = np.asarray(flow[rows, columns], np.float64)
    fit = np.linalg.lstsq(where, moved, rcond=None)[0]
    wrong = np.linalg.norm(where @ fit - moved, axis=1)
    good = wrong <= np.quantile(wrong, 0.9)
    fit = np.linalg.lstsq(where[good], moved[good], rcond=None)[0]
    y, x = np.mgrid[:height, :width]
    grid = np.stack([x / width, y / height, np.ones(still.shape)], -1)
    return np.asarray(grid @ fit, np.float32)


def grey_values(images: Pixels) -> Pixels:
    """(N, H, W, 3) RGB -> (N, H, W) grey values, as the flow needs them."""
    return np.stack([np.asarray(cv2.cvtColor(np.ascontiguousarray(one), cv2.COLOR_RGB2GRAY))
                     for one in images])  # fmt: skip


def shrink(planes: Floats, side: int) -> Doubles:
    """(H, W, K) -> (side, side, K): means of areas."""
    small = cv2.resize(planes, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float64)
