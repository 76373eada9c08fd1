"""A drawn face in two dimensions: milliseconds a picture, for tests and proofs without a renderer.

It has an identity, an expression and a gaze, and its truth is exact. It resembles a face as a
cartoon does: detectors and embedders that learnt from photographs need not accept it.
"""

from typing import NamedTuple

import numpy as np

from mien.errors import MienError
from mien.types import Doubles, Floats

DETAIL = 3  # drawn pixels per pixel of the result
EYE_Y, MOUTH_Y = -0.15, 0.48  # of half the side, from the middle
GAZE = 0.0022  # shift of the pupil per degree, of half the side
Colour = tuple[float, float, float]


class DrawnPerson(NamedTuple):
    """What stays the same in all pictures of a drawn person; lengths in halves of the side."""

    skin: Colour = (0.93, 0.74, 0.62)  # RGB in [0, 1]
    hair: Colour = (0.35, 0.22, 0.12)
    apart: float = 0.37  # from the middle to the pupil
    width: float = 0.78  # half width of the head
    hairline: float = -0.62  # its height; negative: above the middle
    brow: float = 0.09  # half thickness
    eye: float = 0.2  # half width
    iris: Colour = (0.05, 0.05, 0.05)
    lips: Colour = (0.45, 0.08, 0.10)


class Moves(NamedTuple):
    """What an expression changes; lengths in halves of the side."""

    brow_rise: float = 0.0
    inner_rise: float = 0.0  # of the inner ends of the brows
    eye_open: float = 0.09
    mouth_curve: float = 0.0  # positive: corners up
    mouth_open: float = 0.01
    mouth_half: float = 0.28  # half width
    nose_fold: float = 0.0


EXPRESSIONS: dict[str, Moves] = {
    "neutral": Moves(),
    "angry": Moves(-0.10, -0.16, 0.07, -0.03, 0.02, 0.25, 0.0),
    "disgust": Moves(-0.06, -0.05, 0.05, -0.10, 0.08, 0.22, 1.0),
    "fear": Moves(0.10, 0.14, 0.16, -0.04, 0.12, 0.36, 0.0),
    "happy": Moves(0.02, 0.0, 0.07, 0.20, 0.08, 0.40, 0.0),
    "sad": Moves(0.0, 0.18, 0.06, -0.18, 0.01, 0.26, 0.0),
    "surprise": Moves(0.16, 0.0, 0.17, 0.0, 0.22, 0.17, 0.0),
}


class DrawnFace(NamedTuple):
    """A drawn face with its truth, in a square that it fills."""

    image: Floats  # (S, S, 3) RGB in [0, 1]
    cover: Floats  # (S, S) share of each pixel that is head
    five: Floats  # (5, 2) px, in the order of mien.geometry.POINTS
    box: Floats  # (4,) left, top, right, bottom of the head, px

    def paste(self, picture: Floats, left: int, top: int) -> None:
        """Draw the face into a picture, (H, W, 3) in [0, 1], which has room for it there.

        Raises:
            MienError: the face would leave the picture.
        """
        side = len(self.image)
        part = picture[top : top + side, left : left + side]
        if min(left, top) < 0 or part.shape != self.image.shape:
            raise MienError(
                f"A face of {side} px at ({left}, {top}) leaves the picture of "
                f"{picture.shape[1]} x {picture.shape[0]} px."
            )
        part += self.cover[..., None] * (self.image - part)


def drawn_person(seed: int) -> DrawnPerson:
    """A person who does not exist; the same seed gives the same one."""
    random, usual = np.random.default_rng([seed, 5]), DrawnPerson()
    skin = tinted(usual.skin, random.uniform(0.35, 1.05))
    hair = tinted(usual.hair, random.uniform(0.2, 2.0) * random.uniform(0.7, 1.3, 3))
    low, high = (0.32, 0.72, -0.75, 0.05, 0.16), (0.42, 0.85, -0.45, 0.11, 0.23)
    apart, width, hairline, brow, eye = random.uniform(low, high).tolist()
    iris = tinted((1.0, 1.0, 1.0), random.uniform(0.02, 0.45, 3))
    lips = tinted(usual.lips, random.uniform(0.7, 1.6))
    return DrawnPerson(skin, hair, apart, width, hairline, brow, eye, iris, lips)


def tinted(colour: Colour, factor: float | Doubles) -> Colour:
    """The colour times one factor, or one for each channel."""
    red, green, blue = (np.array(colour) * factor).tolist()
    return red, green, blue


def drawn_moves(expression: str, strength: float = 1.0) -> Moves:
    """The neutral face moved towards an expression.

    Args:
        expression: of EXPRESSIONS.
        strength: 0 neutral, 1 the expression as listed.

    Raises:
        MienError: unknown expression, or the strength is not a number of at least 0.
    """
    if expression not in EXPRESSIONS:
        raise MienError(f"Unknown expression '{expression}'; one of {', '.join(EXPRESSIONS)}.")
    if not 0 <= strength < np.inf:
        raise MienError(f"The strength of an expression is a number from 0, not {strength}.")
    rest, full = np.array(EXPRESSIONS["neutral"]), np.array(EXPRESSIONS[expression])
    return Moves(*(rest + strength * (full - rest)).tolist())


def draw_face(
    person: DrawnPerson, moves: Moves, side: int, gaze: tuple[float, float] = (0.0, 0.0)
) -> DrawnFace:
    """Draw a face.

    Args:
        person: who.
        moves: what it shows, of `drawn_moves` or EXPRESSIONS.
        side: px of the square, from 8.
        gaze: yaw and pitch of both eyes in degrees, positive to image right and up.

    Raises:
        MienError: the side is below 8, or a number is not finite.
    """
    if side < 8:
        raise MienError(f"A drawn face needs at least 8 px, not {side}.")
    if not np.isfinite([*moves, *gaze]).all():
        raise MienError("A drawn face needs finite moves and a finite gaze.")
    rise, inner, open_eye, curve, open_mouth, half, fold = moves
    wide = side * DETAIL
    place = np.arange(wide, dtype=np.float32) * (2 / wide) - 1
    x, y = place[None], place[:, None]
    skin = np.array(person.skin)
    face = np.empty((wide, wide, 3), np.float32)
    face[:] = person.hair
    oval = (x / person.width) ** 2 + (y / 0.95) ** 2
    face[(oval < 0.92) & (y > person.hairline)] = skin
    from_pupil = np.abs(x) - person.apart
    ahead = np.abs(from_pupil)
    eye = (ahead / person.eye) ** 2 + ((y - EYE_Y) / (1.3 * open_eye)) ** 2 < 1
    face[eye] = 0.95
    right, up = (GAZE * angle for angle in gaze)
    pupil = (from_pupil - np.sign(x) * right) ** 2 + (y - EYE_Y + up) ** 2 < 0.075**2
    face[pupil & eye] = person.iris
    inward = (person.apart - np.abs(x)) / 0.18  # 1 at the inner end of a brow, -1 at the outer
    brow = np.abs(y + 0.40 + rise + inner * inward) < person.brow
    face[brow & (ahead < 0.22)] = 0.03
    face[(np.abs(np.abs(x) - 0.10) < 0.02) & (np.abs(y - 0.15) < 0.12 * fold)] = skin * 0.5
    across = np.clip(1 - (x / half) ** 2, 0, 1)
    bow = np.abs(y - MOUTH_Y - curve * (0.5 - (x / half) ** 2)) < 0.08 + open_mouth * np.sqrt(
        across
    )
    face[bow & (np.abs(x) < half)] = person.lips
    blocks = (side, DETAIL, side, DETAIL)
    five = [(-person.apart, EYE_Y), (person.apart, EYE_Y), (0, 0.2),
            (-half, MOUTH_Y - curve / 2), (half, MOUTH_Y - curve / 2)]  # fmt: skip
    box = [-person.width, -0.95, person.width, 0.95]
    return DrawnFace(
        np.asarray(face.reshape(*blocks, 3).mean((1, 3)), np.float32),
        np.asarray((oval < 1).astype(np.float32).reshape(blocks).mean((1, 3)), np.float32),
        np.asarray((np.array(five) + 1) * side / 2, np.float32),
        np.asarray((np.array(box) + 1) * side / 2, np.float32),
    )
