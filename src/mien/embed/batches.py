"""Shared parts of the embedders: batches, the mirrored average, unit length."""

from collections.abc import Callable

import numpy as np

from mien.types import Floats, Pixels

BATCH = 32  # chips in one run: more is not faster on a CPU, and memory stays constant


def unit_vectors(
    chips: Pixels, run: Callable[[Pixels], Floats], width: int, mirror: bool
) -> Floats:
    """Embed chips in batches.

    Args:
        chips: (N, S, S, 3).
        run: a batch of chips -> (B, D).
        width: D.
        mirror: average each vector with that of the mirrored chip, which evens out what pose
            and light do to one half of the face.

    Returns:
        (N, D) of length 1.
    """
    vectors = np.empty((len(chips), width), np.float32)
    for start in range(0, len(chips), BATCH):
        batch = chips[start : start + BATCH]
        if mirror:  # both in one run, which is cheaper than two
            both = run(np.concatenate([batch, batch[:, :, ::-1]]))
            raw = both[: len(batch)] + both[len(batch) :]
        else:
            raw = run(batch)
        vectors[start : start + BATCH] = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    return vectors
