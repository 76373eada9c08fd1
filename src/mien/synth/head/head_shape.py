"""The built-in neutral head: superelliptic sections with features, defined by formulas.

Source: the widths and profiles follow anthropometric means of adults; the lists below were tuned
by eye against photographs. Lengths in mm, see mien.synth.render.camera for the axes.
"""

import numpy as np
from scipy.interpolate import PchipInterpolator

from mien.synth.render.raster import Array, Indices
from mien.types import Doubles, Floats

EYE = np.array([31.0, -2.0, 57.5])  # centre of the left eyeball
EYE_RADIUS = 13.5
LID_HALF = 14.5  # half of the width of the opening between the lids
MOUTH_Y, MOUTH_HALF = -68.0, 25.5
ROWS, COLUMNS = 172, 184
CHIN_Y, CROWN_Y = -122.0, 108.0

_Y = (-122, -112, -95, -70, -40, 0, 40, 75, 95, 104, 108)
_HALF_WIDTH = PchipInterpolator(_Y, (20, 36, 49.5, 60, 67, 71, 73, 62, 42, 23, 2))
_FRONT = PchipInterpolator(
    (-122, -112, -100, -88, -75, -60, -40, -20, 0, 20, 40, 65, 85, 100, 108),
    (70, 82, 87, 83, 85, 87, 86, 84, 85, 89, 89, 80, 62, 36, 2),
)
_BACK = PchipInterpolator((-122, -100, -60, 0, 60, 95, 108), (10, 44, 74, 94, 98, 68, 2))
_NOSE = PchipInterpolator(
    (-66, -60, -56, -53, -50, -46, -41, -34, -24, -12, -3, 6, 14),
    (0, 0.8, 3.6, 9.5, 15.5, 19.3, 19.8, 17.0, 12.3, 7.6, 4.2, 1.8, 0),
)
_NOSE_WIDTH = PchipInterpolator((-66, -52, -46, -36, -20, -4, 14), (9, 9.5, 9.6, 8.4, 8.2, 9.0, 11))
# x, y, spread in x, spread in y, height along the normal; mirrored unless x is 0.
_FEATURES = np.array([
    (30, 1, 12.5, 9, -8.5),  # sockets
    (15.5, 2, 5.5, 7, -5.0),  # beside the root of the nose
    (27, 17, 17, 6, 3.6),  # ridge of the brows
    (0, 16, 10, 8, 2.0),  # glabella
    (47, -26, 15, 12, 5.5),  # cheekbones
    (30, -20, 10, 8, 1.0),  # under the eyes
    (49, -60, 12, 15, -4.5),  # hollow of the cheeks
    (64, 22, 12, 16, -2.5),  # temples
    (33, -58, 10, 12, 2.0),  # beside the mouth
    (13.2, -46, 4.6, 5.2, 8.0),  # wings of the nose
    (18.5, -45, 3.0, 6, -2.0),  # groove behind them
    (6.5, -53.5, 3.0, 2.0, -3.0),  # nostrils
    (0, -66, 25, 18, 6.0),  # the arch of the teeth under the lips
    (0, -58.5, 2.6, 5, -1.4),  # philtrum
    (3.8, -60, 1.8, 5, 0.7),  # its ridges
    (0, -63.6, 15, 3.2, 4.0),  # upper lip
    (0, -73.2, 14, 4.2, 5.2),  # lower lip
    (0, -68, 14, 1.7, -3.2),  # between them
    (26.5, -68.5, 3.4, 3.6, -2.6),  # corners
    (0, -83, 17, 4.5, -4.2),  # above the chin
    (0, -100, 15, 10, 5.0),  # chin
    (9, -103, 9, 8, 1.2),
])  # fmt: skip


def upper_lid(x: Array) -> Array:
    """Height of the upper lid's rim over |x|."""
    t = (np.abs(x) - EYE[0]) / LID_HALF
    rim: Array = EYE[1] + 1.1 * t + 5.6 * np.clip(1 - t * t, 0, None) ** 0.92
    return rim


def lower_lid(x: Array) -> Array:
    """Height of the lower lid's rim over |x|."""
    t = (np.abs(x) - EYE[0]) / LID_HALF
    rim: Array = EYE[1] + 1.1 * t - 3.9 * np.clip(1 - t * t, 0, None) ** 1.0
    return rim


def upper_lip(x: Array) -> Array:
    """Height of the border between skin and upper lip, with the bow of Cupid."""
    t = np.clip(np.abs(x) / MOUTH_HALF, 0, 1)
    bow = 0.9 * np.exp(-((np.abs(x) / 2.4) ** 2)) - 0.5 * np.exp(-(((np.abs(x) - 4) / 2.5) ** 2))
    rim: Array = MOUTH_Y + 8.0 * (1 - t**2.3) - bow * (t < 1)
    return rim


def lower_lip(x: Array) -> Array:
    """Height of the border between lower lip and skin."""
    t = np.clip(np.abs(x) / MOUTH_HALF, 0, 1)
    rim: Array = MOUTH_Y - 10.6 * (1 - t**2.0)
    return rim


def lid_gap(points: Array) -> Floats:
    """Depth of points in the opening between the lids, mm; negative outside."""
    x, y = points[:, 0], points[:, 1]
    across = LID_HALF - np.abs(np.abs(x) - EYE[0])
    gap = np.minimum(upper_lid(x) - y, y - lower_lid(x))
    return np.where(points[:, 2] > 40, np.minimum(gap, across), -9.0).astype(np.float32)


def _step(x: Doubles, low: float, high: float) -> Doubles:
    t = np.clip((x - low) / (high - low), 0, 1)
    smooth: Doubles = t * t * (3 - 2 * t)
    return smooth


def section(theta: Doubles, y: Doubles) -> Doubles:
    """The skull without features: angle from the front (radians) and height to points, (..., 3)."""
    sine, cosine = np.sin(theta), np.cos(theta)
    height = np.clip(y, CHIN_Y, CROWN_Y)
    x = _HALF_WIDTH(height) * np.sign(sine) * np.abs(sine) ** 0.9
    depth = np.where(cosine >= 0, _FRONT(height), -_BACK(height))
    return np.stack([x, np.broadcast_to(y, x.shape), depth * np.abs(cosine) ** 0.85], axis=-1)


def lid_surface(x: Array, y: Array) -> Array:
    """Depth z of the lids, which lie on the eyeball and rise to the corner near the nose."""
    across = np.abs(x) - EYE[0]
    apart = across**2 + (y - EYE[1]) ** 2
    ball = EYE[2] + np.sqrt(np.clip((EYE_RADIUS + 1.3) ** 2 - apart, 4.0, None))
    surface: Array = ball + 7.5 * _step(-across, 6.5, 15.0)
    return surface


def surface(theta: Doubles, y: Doubles) -> Doubles:
    """The neutral face: angle and height to points, (N, 3)."""
    points = section(theta, y)
    x, height = points[:, 0].copy(), points[:, 1]
    front = _step(points[:, 2], 8, 40)
    lift = np.zeros(len(points))
    for cx, cy, sx, sy, up in _FEATURES:
        for side in (1, -1) if cx else (1,):
            lift += up * np.exp(
                -((x - side * cx) ** 2) / (2 * sx * sx) - (height - cy) ** 2 / (2 * sy * sy)
            )
    lift *= front
    normal = np.stack([np.sin(theta), np.zeros_like(theta), np.cos(theta)], 1)
    points += lift[:, None] * normal
    nose = np.where((height > -66) & (height < 14), _NOSE(np.clip(height, -66, 14)), 0)
    width = _NOSE_WIDTH(np.clip(height, -66, 14))
    ridge = 0.76 * np.exp(-((x / width) ** 2)) + 0.24 * np.exp(-((x / width / 2.0) ** 2))
    points[:, 2] += nose * ridge * front
    across, above = np.abs(x) - EYE[0], height - EYE[1] - 0.8
    hug = 1 - _step(np.sqrt((across / 19.0) ** 2 + (above / 10.5) ** 2), 0.72, 1.25)
    points[:, 2] += front * hug * (lid_surface(x, height) - points[:, 2])
    return points


def _heights() -> Doubles:
    """Rows, from the chin up; denser where the face has detail."""
    y = np.linspace(CHIN_Y, CROWN_Y, 4001)
    density = 1 + 1.6 * np.exp(-(((y + 35) / 42) ** 4))
    density += 2.5 * np.exp(-(((y - MOUTH_Y) / 7) ** 2)) + 2.0 * np.exp(-(((y - EYE[1]) / 8) ** 2))
    density += 1.5 * np.exp(-(((y + 52) / 6) ** 2)) + 4.0 * np.exp(-(((y - CROWN_Y) / 5) ** 2))
    share = np.cumsum(density)
    rows: Doubles = np.interp(np.linspace(share[0], share[-1], ROWS), share, y)
    rows[np.argmin(np.abs(rows - MOUTH_Y))] = MOUTH_Y
    return rows


def _angles() -> Doubles:
    """Columns, from the back over the right side to the front and on."""
    t = np.linspace(-np.pi, np.pi, 4001)
    share = np.cumsum(1 + 2.2 * np.exp(-((t / 0.75) ** 4)))
    return np.asarray(np.interp(np.linspace(share[0], share[-1], COLUMNS + 1), share, t)[:-1])


def face_mesh() -> tuple[Doubles, Indices, Doubles]:
    """The skin of the head with a slit between the lips.

    Returns:
        (V, 3) points, (F, 3) triangles, (V,) side of the slit: -1 below, 1 above.
    """
    rows, angles = _heights(), _angles()
    split = int(np.flatnonzero(rows == MOUTH_Y)[0])
    # The row of the slit exists four times: lower lip, its inner side; the same of the upper lip.
    rows = np.concatenate([rows[: split + 1], [MOUTH_Y] * 3, rows[split + 1 :]])
    theta, y = np.meshgrid(angles, rows)
    points = surface(theta.ravel(), y.ravel()).reshape(*theta.shape, 3)
    within = np.abs(points[split, :, 0]) < MOUTH_HALF
    within &= points[split, :, 2] > 0
    depth = 8.0 * np.sqrt(np.clip(1 - (points[split, :, 0] / MOUTH_HALF) ** 2, 0, None)) * within
    for row, rise in ((split + 1, -1.2), (split + 2, 1.2)):
        points[row, :, 2] -= depth
        points[row, :, 1] += rise * within
    number = np.arange(theta.size, dtype=np.int32).reshape(theta.shape)
    for row in (split + 1, split + 2, split + 3):  # beyond the corners there is no slit
        number[row] = np.where(within, number[row], number[split])
    following = np.roll(number, -1, axis=1)
    a, b, c, d = number[:-1], following[:-1], number[1:], following[1:]
    open_ = np.zeros(a.shape, bool)
    open_[split + 1] = within & np.roll(within, -1)
    cells = np.stack([a, b, d, a, d, c], -1)[~open_].reshape(-1, 3)
    flat_ones = (cells[:, 0] == cells[:, 1]) | (cells[:, 1] == cells[:, 2])
    cells = cells[~(flat_ones | (cells[:, 0] == cells[:, 2]))]
    bottom, top = number[0], number[-1]
    flat, added = points.reshape(-1, 3), np.array([[0, -121, 42.0], [0, CROWN_Y + 0.3, 0]])
    low, high = np.int32(len(flat)), np.int32(len(flat) + 1)
    caps = [
        np.stack([np.full_like(bottom, low), np.roll(bottom, -1), bottom], 1),
        np.stack([np.full_like(top, high), top, np.roll(top, -1)], 1),
    ]
    triangles = np.concatenate([cells, *caps]).astype(np.int32)
    side = np.repeat(np.where(np.arange(len(rows)) <= split + 1, -1.0, 1.0), COLUMNS)
    return np.concatenate([flat, added]), triangles, np.concatenate([side, [-1.0, 1.0]])
