"""Virtual people: rendered people who differ from each other, each with a style of their own.

Nobody was photographed. Each file declares itself as synthetic, so it is never enrolled and never
counted in a test.
"""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np

from mien.align import align
from mien.contracts import Embedder, silent
from mien.errors import MienError, OptionError
from mien.media import encode_image, write_bytes
from mien.service.runs import Run
from mien.synth import Actor, Camera, HeadModel, Pose, Scene, make_person, open_head, render
from mien.synth.data.declare import NOTE, PACKET
from mien.synth.data.styles import (
    KINDS,
    NAMES,
    USUAL,
    StyleKind,
    draw_range,
    draw_styles,
    scene_of,
)
from mien.types import Doubles, Face, Floats, OnStep
from mien.zoo import EMBEDDER, load

SETTINGS, PEOPLE, MANIFEST = "identities.json", "people", "manifest.jsonl"
PROBES = 5  # images in its own styles by which a candidate is compared with itself
TRIES = 4  # candidates per person that is wanted; then fewer people are returned
PORTRAIT = 160  # px of the image by which people are compared


@dataclass(frozen=True, slots=True)
class VirtualPlan:
    """Settings of a set of virtual people; the same plan gives the same bytes."""

    people: int
    each: int  # images of each person
    styles: StyleKind = "subject"
    size: int = 128  # px, square
    seed: int = 0
    head: str = "builtin"

    def __post_init__(self) -> None:
        if self.people < 2 or self.each < 1 or not 32 <= self.size <= 2048:
            raise OptionError(
                f"A set has 2 people or more, 1 image or more of each, of 32 to 2048 px; got "
                f"{self.people}, {self.each} and {self.size} px."
            )
        if self.styles not in KINDS:
            raise OptionError(f"Styles are {', '.join(KINDS)}, not '{self.styles}'.")


@dataclass(frozen=True, slots=True)
class VirtualSet:
    """What was rendered."""

    manifest: Path
    people: int
    images: int
    refused: int  # candidates who are too similar to another virtual person


def draw_identities(
    plan: VirtualPlan,
    out: Path,
    *,
    matches: "Matches | None" = None,
    on_step: OnStep = silent,
    cancel: Event | None = None,
) -> VirtualSet:
    """Render virtual people into a folder, one folder per person; the same call resumes.

    A candidate is refused who is more similar to an earlier person than to itself in other styles.
    If the head model cannot give enough people, fewer are rendered. (Thresholds of photographs do
    not hold: to an embedder, all rendered people are similar.)

    Args:
        plan: what to render.
        out: the folder; created if it does not exist.
        matches: who is too similar; default: by the default embedder.
        on_step: called after each person.
        cancel: set this event to stop after the person in progress.

    Raises:
        MienError: the folder holds something else, or a file cannot be written.
    """
    step = Run(on_step, cancel).step
    _claim(plan, out)
    head = open_head(plan.head)
    judge = matches or Matches()
    rows: list[dict[str, Any]] = []
    people = refused = 0
    for number in range(TRIES * plan.people):
        if people == plan.people:
            break
        kept = _read(out / PEOPLE / f"{number:06d}.json")
        if kept is None:
            kept = _one(plan, head, number, people, out, judge)
            write_bytes(out / PEOPLE / f"{number:06d}.json", json.dumps(kept).encode())
        if kept["rows"]:
            judge.add(np.array(kept["vector"], np.float32))
            rows += kept["rows"]
            people += 1
            step("virtual people", people, plan.people)
        else:
            refused += 1
    text = "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows)
    write_bytes(out / MANIFEST, text.encode())
    return VirtualSet(out / MANIFEST, people, len(rows), refused)


class Matches:
    """Compares virtual people by an embedder."""

    def __init__(self, embedder: Embedder | None = None) -> None:
        """Open the default embedder, unless one is given."""
        self._embedder = embedder or load(EMBEDDER)
        self._known: list[Floats] = []

    def vectors(self, actor: Actor, styles: Doubles, seed: int) -> Floats:
        """(1 + K, D) embeddings of a frontal portrait, and of images in K styles."""
        plain = Scene({}, Pose(), Camera(PORTRAIT, PORTRAIT, distance=700.0), seed=seed)
        scenes = [plain, *(scene_of(style, PORTRAIT, seed) for style in styles)]
        chips = []
        for scene in scenes:
            frame = render(actor, scene, truth=False)
            face = Face(np.array([0, 0, PORTRAIT, PORTRAIT], np.float32), 1.0, frame.five)
            chips.append(align(frame.rgb, [face], self._embedder.crop))
        return np.asarray(self._embedder(np.concatenate(chips)), np.float32)

    def refuse(self, vectors: Floats) -> bool:
        """Whether somebody who is known is more similar to a candidate than the candidate is."""
        if not self._known:
            return False
        own = float(np.median(vectors[1:] @ vectors[0]))
        return float((np.stack(self._known) @ vectors[0]).max()) > own

    def add(self, vector: Floats) -> None:
        """Add a person, by the portrait."""
        self._known.append(vector)


def _one(
    plan: VirtualPlan, head: HeadModel, number: int, person: int, out: Path, judge: Matches
) -> dict[str, Any]:
    """Render one candidate: the rows of the images, none if the candidate is refused."""
    made = make_person(100_000 * (plan.seed + 1) + number, head)
    actor = Actor(head, replace(made, appearance=replace(made.appearance, glasses="none")))
    name = f"{plan.head}-{plan.seed}-{number:06d}"
    rng = np.random.default_rng([plan.seed, number, 277])
    styles = draw_styles(draw_range(USUAL, rng, plan.styles), plan.each, rng)
    vectors = judge.vectors(actor, styles[:PROBES], number)
    if judge.refuse(vectors):
        return {"rows": [], "vector": []}
    rows = []
    for shot, style in enumerate(styles):
        scene = scene_of(style, plan.size, 1000 * number + shot + 7_000_000 * plan.seed)
        path = out / name / f"{shot:04d}.png"
        frame = render(actor, scene, truth=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, encode_image(frame.rgb, "png", note=NOTE, xmp=PACKET))
        labels = {key: round(float(v), 4) for key, v in zip(NAMES, style, strict=True)}
        rows.append({"file": path.relative_to(out).as_posix(), "identity_id": name,
                     "synthetic": True, "style": labels})  # fmt: skip
    return {"rows": rows, "vector": [float(v) for v in vectors[0]]}


def _claim(plan: VirtualPlan, out: Path) -> None:
    """Claim the folder, or refuse it."""
    settings, path = json.dumps(asdict(plan), indent=1, sort_keys=True) + "\n", out / SETTINGS
    if path.is_file():
        if path.read_text("utf-8") != settings:
            raise MienError(
                f"{out} holds other virtual people ({SETTINGS} differs); choose another folder, or "
                "use the settings it was started with to resume."
            )
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise MienError(f"{out} is neither an empty folder nor a set of virtual people.")
    try:
        (out / PEOPLE).mkdir(parents=True)
    except OSError as error:
        raise MienError(f"{out} cannot be created: {error.strerror}.") from error
    write_bytes(path, settings.encode())


def _read(path: Path) -> dict[str, Any] | None:
    """What was kept of a candidate; None if it must be rendered."""
    try:
        kept: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return kept if {"rows", "vector"} <= set(kept) else None
    except (OSError, ValueError, TypeError):
        return None
