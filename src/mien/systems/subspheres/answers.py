"""What a matcher answers about a batch of pictures, with and without the protections of mien."""

import numpy as np

from mien.gallery.protecting import Transform
from mien.types import Doubles

# As `mien serve` limits scored answers about one person per day (mien.server.budgets.PER_PERSON).
SERVED = 20
KEY = bytes(range(32))  # any key: what is measured does not depend on it
ROUNDED = {f"rounded to {step:g}": step for step in (0.01, 0.05, 0.1)}
CAPS = {
    f"{cap} scored probes" + (" (mien serve)" if cap == SERVED else ""): cap
    for cap in (5, 10, SERVED, 50)
}  # fmt: skip
PLAIN = "scores as they are"
DECISION = "decisions only"  # as mien serve answers a key without the scope "scores"
PROTECTED = "protected, with scores"
STOLEN = "protected, stolen"  # the stored vectors without their key, and no scores
ANSWERS = (PLAIN, *ROUNDED, *CAPS, DECISION, PROTECTED, STOLEN)


def answered(
    name: str, batch: Doubles, enrolled: Doubles, threshold: float
) -> tuple[Doubles, Doubles]:
    """The pictures that were answered, and what was answered.

    Args:
        name: one of ANSWERS.
        batch: (K, D) unit vectors of the pictures.
        enrolled: (T, D) unit vectors.
        threshold: of the matcher.

    Returns:
        (K', D) vectors, and (T, K') numbers that an attacker takes for cosines.
    """
    scores = enrolled @ batch.T
    if name in ROUNDED:
        step = ROUNDED[name]
        return batch, np.round(scores / step) * step
    if name in CAPS:
        return batch[: CAPS[name]], scores[:, : CAPS[name]]
    if name == DECISION:
        return batch, (scores > threshold).astype(np.float64)
    if name in (PROTECTED, STOLEN):
        transform = Transform(KEY, "audit of subspheres")
        stored = transform.protect(enrolled.astype(np.float32)).astype(np.float64)
        if name == STOLEN:  # the rotated vector is all there is
            return np.eye(batch.shape[1]), stored
        return batch, stored @ transform.query(batch.astype(np.float32)).astype(np.float64).T
    return batch, scores
