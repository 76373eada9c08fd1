"""Check the liveness of faces with one head at one operating point."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, get_args

import numpy as np

from mien.contracts import ClipHead
from mien.errors import LivenessError
from mien.liveness.companions import Companions, usable
from mien.liveness.crops import available_zoom
from mien.liveness.motion import SIGNS, Motion
from mien.types import Clip, Face, Liveness, Pixels
from mien.zoo import Card, cards, find, is_fetched, load

TASK = "liveness"
HEAD = "minifasnet"  # the default head: the better one, whose weights the user fetches
POINT = "bpcer5"  # the default operating point
Action = Literal["off", "warn", "refuse"]  # what a failed check does to a decision
ACTIONS = get_args(Action)
SMALLEST = 24.0  # px, width of a face; a head sees 80 px of 2.7 faces, so 30 px of the face
INSIDE = 0.9  # least share of the box inside the picture
ROOM = 1.2  # times the box that the picture must show; cut to the face, it hides paper and bezel
# Why a face has no score.
REASONS = {
    "too-small": f"The face is narrower than {SMALLEST:.0f} px.",
    "cut-by-border": "The border of the picture cuts the face.",
    "no-surroundings": "The picture shows only the face, but heads need what is around it.",
    "turned": "The picture is turned; heads know upright pictures only.",
    "misaligned": "Depth or infrared shows the face elsewhere than the colour picture.",
    "no-answer": "The head gave no score.",
}
# Why a modality was left out of a score.
IGNORED = {"depth-empty": "The depth picture has no value, so it counts as missing."}


class LivenessHead(ClipHead, Protocol):
    """A clip head of the task "liveness": its reading has the value "live"."""

    # Operating points by name; with depth and infrared the name ends in "+depth", "+infrared",
    # or "+depth+infrared".
    points: dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class LivenessCheck:
    """One head at one operating point, and what follows if a face fails."""

    head: LivenessHead
    point: str = POINT
    action: Action = "warn"

    def __post_init__(self) -> None:
        if self.point not in self.head.points:
            raise LivenessError(
                f"'{self.head.name}' has no operating point '{self.point}'; it has: "
                f"{', '.join(name for name in self.head.points if '+' not in name) or 'none'}."
            )

    @property
    def threshold(self) -> float:
        """Return the score that a live face must exceed, in colour alone."""
        return self.head.points[self.point]

    def require(self, names: Sequence[str]) -> None:
        """Require a head and an operating point for depth and infrared.

        Args:
            names: "depth", "infrared", or both in this order.

        Raises:
            LivenessError: the head sees colour only, or has no such operating point.
        """
        unseen = [name for name in names if name not in self.head.needs]
        if unseen:
            able = [name for name, card in heads().items() if set(unseen) <= set(card.needs)]
            raise LivenessError(
                f"'{self.head.name}' does not use {' or '.join(unseen)}; choose "
                f"--liveness-head {' or '.join(able)}, or leave them out."
            )
        if "+".join((self.point, *names)) not in self.head.points:
            raise LivenessError(
                f"'{self.head.name}' has no operating point '{self.point}' for colour with "
                f"{' and '.join(names)}; choose another one."
            )

    def __call__(self, image: Pixels, faces: Sequence[Face], turned: int = 0) -> list[Face]:
        """Return the faces of one picture, each with its liveness.

        Args:
            image: (H, W, 3), as the camera gave it; brightening would hide an attack.
            faces: of that picture.
            turned: degrees by which the picture had to be turned to find them.
        """
        return [replace(face, liveness=self.of(image, face, turned)) for face in faces]

    def of(
        self,
        image: Pixels,
        face: Face,
        turned: int = 0,
        companions: Companions | None = None,
    ) -> Liveness:
        """Return the liveness of one face of one picture.

        Args:
            image: (H, W, 3).
            face: of that picture.
            turned: degrees by which the picture had to be turned to find it.
            companions: depth and infrared of the same view, for a head that needs them.
        """
        reason = "turned" if turned else unusable(image, face)
        if reason:
            return self._answer(None, reason)
        seen, ignored, reason = usable(companions or Companions(), face.box)
        if reason:
            return self._answer(None, reason)
        time = face.time or 0.0
        clip = Clip(
            np.array([time]),
            frames=image[None],
            boxes=face.box[None],
            depth=seen.series("depth", time),
            infrared=seen.series("infrared", time),
        )
        readings = [one for one in self.head(clip) if one.task == TASK and "live" in one.values]
        score = readings[0].values["live"] if readings else np.nan
        if np.isnan(score):
            return self._answer(None, "no-answer")
        return self._answer(score, None, seen.names, ignored)

    def no_response(self, reason: str) -> Liveness:
        """Return a face without a score, with a code of REASONS."""
        return self._answer(None, reason)

    def _answer(
        self,
        score: float | None,
        reason: str | None,
        parts: tuple[str, ...] = (),
        ignored: tuple[str, ...] = (),
    ) -> Liveness:
        threshold = self.head.points["+".join((self.point, *parts))]
        outcome: Literal["live", "attack", "no-response"] = "no-response"
        if score is not None:
            outcome = "live" if score > threshold else "attack"
        label = f"{self.head.name}@{self.head.digest}" if self.head.digest else self.head.name
        return Liveness(
            outcome, label, self.point, threshold, score, reason,
            modalities=() if score is None else ("rgb", *parts), ignored=ignored,
        )  # fmt: skip


def unusable(image: Pixels, face: Face) -> str | None:
    """Return why a face cannot be checked: a code of REASONS; None if it can."""
    left, top, right, bottom = (float(value) for value in face.box)
    if not right - left >= SMALLEST:
        return "too-small"
    height, width = image.shape[:2]
    across = min(right, width) - max(left, 0.0)
    down = min(bottom, height) - max(top, 0.0)
    if across * down < INSIDE * (right - left) * (bottom - top):
        return "cut-by-border"
    return "no-surroundings" if available_zoom(image, face.box) < ROOM else None


def fuse(found: Sequence[Liveness]) -> Liveness | None:
    """Combine the checks of one face in several frames: the mean of the scores.

    Args:
        found: by one head at one operating point; frames without a response are left out.

    Returns:
        A no-response only if no frame has a score; None if there is no check.
    """
    if not found:
        return None
    scored = [one for one in found if one.score is not None]
    if not scored:
        return replace(found[0], frames=sum(one.frames for one in found))
    frames = [one.frames for one in scored]
    score = float(np.average([one.score or 0.0 for one in scored], weights=frames))
    outcome: Literal["live", "attack"] = "live" if score > scored[0].threshold else "attack"
    return replace(scored[0], outcome=outcome, score=score, frames=sum(frames))


def with_motion(found: Liveness, motion: Motion) -> Liveness:
    """Combine the score of a film with its motion: a sign of an attack outweighs the score."""
    signs = motion.signs
    if not signs or found.score is None:
        return replace(found, signs=signs)
    return replace(found, outcome="attack", signs=signs)


def refusal(found: Liveness) -> str:
    """Return why a face is not taken for live, in a sentence."""
    if found.score is None:
        return f"Liveness was not measured: {REASONS[found.reason or 'no-answer']}"
    if found.signs:
        return f"The face is not live: {SIGNS[found.signs[0]]}"
    return (
        f"The face is not live: score {found.score:.3f}, but more than {found.threshold:.3f} is "
        f"needed ({found.point} of {found.model.split('@')[0]})."
    )


def heads() -> dict[str, Card]:
    """Return the cards of all liveness heads, by name."""
    return {name: card for name, card in cards(TASK).items() if card.kind == "clip-head"}


def open_check(
    action: Action,
    *,
    head: str | None = None,
    point: str | None = None,
    device: str = "cpu",
    commercial_only: bool = False,
    threads: int | None = None,
) -> LivenessCheck | None:
    """Open a head by its card; None if the action is "off".

    Args:
        action: "warn" states the result, "refuse" also changes decisions; see LivenessCheck.
        head: card; default: HEAD.
        point: operating point of that head; default: POINT.
        device: see mien.runtime.
        commercial_only: refuse weights whose licence does not permit commercial use.
        threads: for one call.

    Raises:
        LivenessError: the weights are not on this machine, or it is not a liveness head.
    """
    if action not in ACTIONS:
        raise LivenessError(f"Liveness '{action}' is not possible: expected {', '.join(ACTIONS)}.")
    if action == "off":
        return None
    card = find(head or HEAD)
    if card.kind != "clip-head" or card.task != TASK:
        raise LivenessError(
            f"'{card.name}' does not check liveness; choose one of: {', '.join(heads())}."
        )
    if not is_fetched(card):
        ours = [other for other in heads().values() if other.ours]
        ours.sort(key=lambda other: len(other.needs))  # that of colour first
        instead = f", or use the shipped head: --liveness-head {ours[0].name}" if ours else ""
        raise LivenessError(
            f"The weights of the liveness head '{card.name}' are not on this machine, so nothing "
            f"was checked. Fetch them: mien models pull {card.name}{instead}."
        )
    options: dict[str, Any] = {"threads": threads} if threads else {}
    opened = load(card.name, device=device, commercial_only=commercial_only, **options)
    return LivenessCheck(opened, point or POINT, action)
