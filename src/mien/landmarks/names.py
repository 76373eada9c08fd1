"""Names of the mesh points. Left and right are as seen in the image.

MediaPipe's lists name the sides from the person's view; its order of points is kept.
"""

import numpy as np

from mien.types import Floats

# fmt: off
# Rings, in order of their neighbours; each closes at its first point. Eyes begin at the outer
# corner and run along the lower lid; lips begin at the left corner and run along the lower lip.
LEFT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
RIGHT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
OUTER_LIPS = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291,
    409, 270, 269, 267, 0, 37, 39, 40, 185,
)
INNER_LIPS = (
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308,
    415, 310, 311, 312, 13, 82, 81, 80, 191,
)
OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
    148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)
# Lines, from the temple to the nose.
LEFT_BROW, RIGHT_BROW = (70, 63, 105, 66, 107), (300, 293, 334, 296, 336)  # upper edge
LEFT_BROW_BELOW, RIGHT_BROW_BELOW = (46, 53, 52, 65, 55), (276, 283, 282, 295, 285)
NOSE = (168, 6, 197, 195, 5, 4)  # from between the eyes to the tip
# Pairs of the left and the right side.
CHEEKS = ((50, 205), (280, 425))  # below the eye, and beside the wing of the nose
NOSE_WINGS = (129, 358)
UPPER_LIPS, LOWER_LIPS = ((39, 40), (269, 270)), ((181, 91), (405, 321))  # edge of the red

# Single points.
NOSE_TIP, CHIN, FOREHEAD, LEFT_MOUTH, RIGHT_MOUTH = 4, 152, 10, 61, 291
LIP_CORNERS = (LEFT_MOUTH, RIGHT_MOUTH)
EYE_CORNERS = ((33, 133), (362, 263))  # of the left and the right eye, left corner first
IRISES = ((468, 469, 470, 471, 472), (473, 474, 475, 476, 477))  # centre, right, top, left, bottom
LEFT_IRIS, RIGHT_IRIS = 468, 473  # the centres

# Mesh points for the 68 of iBUG (Sagonas et al., "300 Faces in-the-Wild Challenge", ICCVW 2013).
# They were selected by the 68 points of dlib's predictor on UTKFace; the jaw stays on the oval, so
# its points are up to 0.13 eye distances from those of iBUG.
SUBSET_68 = (
    127, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 356,  # jaw
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,  # brows
    168, 197, 5, 4, 240, 97, 2, 326, 460,  # nose
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,  # eyes
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,  # outer lips
    78, 82, 13, 312, 308, 317, 14, 87,  # inner lips
)

# The points that the region networks of the attention mesh refine, in its order: the lips, and per
# eye the lids (the first 16: lower with the corners, upper), rings around them, the brow.
LIP_POINTS = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409, 78,
    95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415, 76, 77,
    90, 180, 85, 16, 315, 404, 320, 307, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408, 62, 96, 89,
    179, 86, 15, 316, 403, 319, 325, 292, 183, 42, 41, 38, 12, 268, 271, 272, 407,
)
EYE_POINTS = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173, 130, 25, 110, 24,
     23, 22, 26, 112, 243, 247, 30, 29, 27, 28, 56, 190, 226, 31, 228, 229, 230, 231, 232, 233, 244,
     113, 225, 224, 223, 222, 221, 189, 35, 124, 46, 53, 52, 65, 143, 111, 117, 118, 119, 120, 121,
     128, 245, 156, 70, 63, 105, 66, 107, 55, 193),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398, 359, 255, 339,
     254, 253, 252, 256, 341, 463, 467, 260, 259, 257, 258, 286, 414, 446, 261, 448, 449, 450, 451,
     452, 453, 464, 342, 445, 444, 443, 442, 441, 413, 265, 353, 276, 283, 282, 295, 372, 340, 346,
     347, 348, 349, 350, 357, 465, 383, 300, 293, 334, 296, 336, 285, 417),
)
# fmt: on


def five_points(points: Floats) -> Floats:
    """Return the five points of mien.geometry.POINTS, from meshes.

    Args:
        points: (..., L, 2 or 3), L 468 or 478.

    Returns:
        (..., 5, 2): the middles of both eyes' corners, the tip of the nose, the mouth's corners.
    """
    flat = points[..., :2]
    eyes = [flat[..., list(corners), :].mean(axis=-2) for corners in EYE_CORNERS]
    rest = [flat[..., index, :] for index in (NOSE_TIP, LEFT_MOUTH, RIGHT_MOUTH)]
    return np.stack([*eyes, *rest], axis=-2).astype(np.float32)
