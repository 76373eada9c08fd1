"""Training sets of UTKFace in which dark skin is rare, and edited faces that fill them."""

import numpy as np

from mien.media.skin import cheeks, toned
from mien.metrics import tone_angle
from mien.train.tones import DARK, TonedFaces

SIDE = 32  # px of the classifier


def training_set(faces: TonedFaces, count: int, share: float, seed: int) -> TonedFaces:
    """Draw faces, half of them women, with a share of dark skin."""
    rng = np.random.default_rng([seed, 251])
    rows = []
    for gender in (0, 1):
        for dark, part in ((True, share), (False, 1 - share)):
            able = np.flatnonzero((faces.gender == gender) & (faces.dark == dark))
            rows.append(rng.choice(able, round(count / 2 * part), replace=False))
    return faces.rows(np.concatenate(rows))


def edited(faces: TonedFaces, seed: int, *, darker: bool = True) -> tuple[TonedFaces, float]:
    """Other faces in dark skin, as many as make both tones equal; and the share that succeeded.

    Args:
        faces: a training set; its faces in light skin are the sources.
        seed: of the order and of the tones.
        darker: False: a broken editor, which makes skin lighter instead.
    """
    rng = np.random.default_rng([seed, 257])
    sources = rng.permutation(np.flatnonzero(~faces.dark))
    missing = len(sources) - int(faces.dark.sum())
    images, rows, tried = [], [], 0
    for row in sources[:missing]:
        wanted = rng.uniform(-29, DARK - 1) if darker else rng.uniform(45, 68)
        made = toned(faces.images[row], float(wanted))
        tried += 1
        if not darker or tone_angle(cheeks(made)) <= DARK:  # the gate; a broken editor has none
            images.append(made)
            rows.append(row)
    some = faces.rows(np.array(rows, np.int64))
    angles = np.array([tone_angle(cheeks(image)) for image in images])
    made_faces = TonedFaces(np.stack(images), angles, some.gender, some.age, some.race)
    return made_faces, len(rows) / tried


def joined(*parts: TonedFaces) -> TonedFaces:
    """All rows of several parts."""
    return TonedFaces(
        *(np.concatenate([getattr(p, n) for p in parts]) for n in TonedFaces.__slots__)
    )
