"""Edits of a trained editor: it computes a correction of 32 px, which is added to a face."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.errors import WeightsError
from mien.media import add_correction, stretched
from mien.media.skin import cheeks
from mien.metrics import tone_angle
from mien.runtime import Session
from mien.types import Doubles, Floats, Pixels

SIDE = 32  # px of the network
FACTS = "mien-edit-face"  # key of the graph's metadata: names, and which exclude each other
ROUNDS = 3  # corrections until the measured tone is the wanted one
ENOUGH = 2.0  # degrees of ITA, at which they end
LIMITS = (-90.0, 90.0)  # degrees that are asked for
Run = Callable[[Floats], Mapping[str, Floats]]


@dataclass(frozen=True, slots=True, eq=False)
class LearnedEdits:
    """An editor, as a file or as a network in training."""

    run: Run  # (N, 4, 32, 32) -> y (N, 3, 32, 32), changes of pixels in [-1, 1]; see `packed`
    names: tuple[str, ...]  # of the K attributes
    contrary: Floats  # (K, K) 1 where two exclude each other

    def corrections(self, chips: Pixels, changes: Floats, wanted: Doubles | None = None) -> Floats:
        """What to add to aligned faces, in grey values.

        Args:
            chips: (N, S, S, 3), cut as UTKFace cuts them.
            changes: (N, K) from -1 to 1.
            wanted: (N,) angles of the skin tone (ITA), degrees; default: they stay.

        Returns:
            (N, 32, 32, 3).
        """
        now = np.array([tone_angle(cheeks(chip)) for chip in chips])
        now = np.nan_to_num(now)
        found = self.run(packed(chips, changes, now, now if wanted is None else wanted))["y"]
        return np.asarray(found.transpose(0, 2, 3, 1) * 127.5, np.float32)

    def edited(self, chips: Pixels, changes: Floats, wanted: Doubles | None = None) -> Pixels:
        """Faces (N, S, S, 3) with a correction; the arguments are those of `corrections`."""
        side = chips.shape[1]
        scale = SIDE / side
        place = np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2]], np.float32)
        found = self.corrections(chips, changes, wanted)
        pairs = zip(chips, found, strict=True)
        return np.stack([add_correction(chip, more, place) for chip, more in pairs])

    def asked(self, chip: Pixels, angle: float, changes: Floats) -> float:
        """The angle to ask for beside changes (K,), so that the measured one becomes `angle`."""
        asked = angle
        for _ in range(ROUNDS):
            done = self.edited(chip[None], changes[None], np.array([asked]))[0]
            off = angle - tone_angle(cheeks(done))
            if np.isnan(off) or abs(off) <= ENOUGH:
                break
            asked = float(np.clip(asked + off, *LIMITS))
        return asked

    def toned(self, chip: Pixels, angle: float) -> Pixels:
        """An aligned face (S, S, 3) in another skin tone, as mien.media.skin.toned takes it."""
        none = np.zeros(len(self.names), np.float32)
        asked = np.array([self.asked(chip, angle, none)])
        return np.asarray(self.edited(chip[None], none[None], asked)[0], np.uint8)


def packed(chips: Pixels, changes: Floats, now: Doubles, wanted: Doubles) -> Floats:
    """Input of the network: pixels in [-1, 1], and settings as first values of a fourth channel.

    Args:
        chips: (N, S, S, 3).
        changes: (N, K).
        now: (N,) measured angles, degrees.
        wanted: (N,).

    Returns:
        (N, 4, 32, 32).
    """
    x = np.zeros((len(chips), 4, SIDE, SIDE), np.float32)
    small = np.stack([stretched(chip, SIDE) for chip in chips])
    x[:, :3] = small.transpose(0, 3, 1, 2) / 127.5 - 1
    settings = np.concatenate([changes, now[:, None], wanted[:, None]], 1)
    x[:, 3].reshape(len(x), -1)[:, : settings.shape[1]] = settings
    return x


def open_edits(weights: Path, device: str = "cpu") -> tuple[LearnedEdits, Session]:
    """Open the graph of a training.

    Raises:
        WeightsError: it cannot be opened, or does not name its attributes.
    """
    session = Session(weights, (None, 4, SIDE, SIDE), device=device, threads=1)
    try:
        facts = json.loads(session.metadata[FACTS])
        names = tuple(map(str, facts["names"]))
        contrary = np.array(facts["contrary"], np.float32).reshape(len(names), len(names))
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{weights} does not name its attributes, so it is no editor of edit-face; write one "
            "with: mien train edit-face."
        ) from error
    return LearnedEdits(session, names, contrary), session
