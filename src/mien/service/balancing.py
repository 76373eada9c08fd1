"""Fill under-represented cells (skin tone x labels) of a data set with edited faces.

Edited faces are for training only: each file declares itself as edited, so evaluations and
enrolment refuse it.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np

from mien.align import align
from mien.contracts import Artefact, Embedder, Made, Provenance, silent
from mien.datasets import LABELS, Labelled
from mien.decision import find_calibration
from mien.errors import ImageError, MienError, OptionError
from mien.media import read_change, read_image, stretched, write_bytes
from mien.media.skin import cheeks, has_tone, toned, utkface_face
from mien.metrics import TONES, tone_angle, tone_bin
from mien.metrics.pictures import LUMA
from mien.service.balance_plan import BalancePlan, Cell, counted, name_of
from mien.service.made_files import done_files, read_artefact, settings_key, write_made
from mien.service.runs import Run, usable
from mien.types import OnStep, Pixels
from mien.zoo import DETECTOR, EMBEDDER, Card, find, load

EDITOR, TASK, MANIFEST = "edit-face", "face-editing", "manifest.jsonl"
FMR = 0.001  # of strangers, at which an edited face must still match its source
SIDE = 200  # px of the faces: that of UTKFace's crops
REACH = (-45.0, 68.0)  # degrees that are asked for in the outermost bins
SHARP = (5.0, 95.0)  # percentiles of the real faces between which an edited one must lie
SLACK = 1.25  # times by which an edit may change the sharpness even outside of them
Edit = Callable[[Pixels, float], Pixels]
Same = Callable[[Pixels, Pixels], bool]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """One real face of the set."""

    path: Path
    cell: Cell
    angle: float  # ITA of the cheeks, degrees
    chip: Pixels  # (200, 200, 3)


@dataclass(frozen=True, slots=True)
class Balanced:
    """What was made, and what was not."""

    manifest: Path  # one line per edited face
    before: dict[str, int]  # images of each cell
    made: dict[str, int]
    unfillable: dict[str, int]  # images that are still missing
    rejected: dict[str, int]  # edits by the gate that refused them
    left_out: dict[str, int]  # images of the set by the reason why they were not used


def balance(
    data: Path,
    plan: BalancePlan,
    out: Path,
    *,
    layout: str,
    model: str = EDITOR,
    mark: bool = True,
    seed: int = 0,
    edit: Edit | None = None,
    same: Same | None = None,
    on_step: OnStep = silent,
    cancel: Event | None = None,
) -> Balanced:
    """Write edited faces until each cell of the plan is full.

    The images of the set must be cut to one face as UTKFace cuts them. The same call resumes, and
    writes the same bytes.

    Args:
        data: folder of the set; it stays as it is.
        plan: cells and counts.
        out: folder for the edited faces, one folder per cell, and manifest.jsonl.
        layout: of the data set, see mien.datasets.
        model: editor that changes the tone: a card, or the run folder of a training.
        mark: whether images show "edited"; training sets are made without.
        seed: of the order of sources and of the tones.
        edit: maps a face and an angle to the edited face; default: that of the model.
        same: whether a face still shows the person; default: `matched()`.
        on_step: called after each image that is read, and after each edit.
        cancel: set this event to stop at the next step.

    Raises:
        OptionError: an unknown layout, labels that the set does not have, or a model that edits no
            faces.
        MienError: no face can be used, or a file cannot be written.
    """
    step = Run(on_step, cancel).step
    editor = find(model)
    edit = edit or _edit_of(editor)
    sources, left_out = _read(data, layout, plan, step)
    before = counted([one.cell for one in sources])
    lacking = plan.deficits(before)
    gates = _Gates(sources, same or matched())
    used: Counter[int] = Counter()
    made: Counter[str] = Counter()
    rows: list[dict[str, Any]] = []
    for cell, count in lacking.items():
        rng = np.random.default_rng([seed, *name_of(cell).encode()])
        low, high = (float(np.clip(side, *REACH)) for side in TONES[cell[0]])
        for row in _candidates(cell, sources, plan, rng):
            if made[name_of(cell)] == count:
                break
            angle = float(rng.uniform(low + 1, high - 1))
            changed = edit(sources[row].chip, angle)
            if used[row] == plan.per_source or gates.refuse(row, changed, cell):
                continue
            used[row] += 1
            made[name_of(cell)] += 1
            stem = out / name_of(cell).replace("/", "-").replace(" ", "-")
            stem /= f"{made[name_of(cell)]:05d}"
            rows.append(_write(editor, sources[row], changed, cell, angle, stem, mark, seed, step))
            step("edited faces", len(rows), sum(lacking.values()))
    out.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_bytes(out / MANIFEST, lines.encode())
    missing = {name_of(cell): count - made[name_of(cell)] for cell, count in lacking.items()}
    return Balanced(
        out / MANIFEST,
        {name_of(cell): count for cell, count in sorted(before.items())},
        dict(made),
        {name: count for name, count in missing.items() if count},
        dict(gates.refused),
        left_out,
    )


def _candidates(
    cell: Cell, sources: Sequence[Source], plan: BalancePlan, rng: np.random.Generator
) -> list[int]:
    """Rows of sources with the same labels: nearest tones first, each as often as allowed."""
    rank = {name: number for number, name in enumerate(TONES)}
    able = [
        row
        for row in rng.permutation(len(sources)).tolist()
        if sources[row].cell[1:] == cell[1:] and sources[row].cell != cell
    ]
    able.sort(key=lambda row: abs(rank[sources[row].cell[0]] - rank[cell[0]]))
    return able * plan.per_source


def _read(
    data: Path, layout: str, plan: BalancePlan, step: OnStep
) -> tuple[list[Source], dict[str, int]]:
    """The faces of the set with their cells, and how many were left out for which reason."""
    if layout not in LABELS:
        raise OptionError(f"Layout '{layout}' is unknown: expected one of {', '.join(LABELS)}.")
    records = LABELS[layout](data)
    known = sorted({name for one in records for name in one.labels})
    if strange := [name for name in plan.labels if name not in known]:
        raise OptionError(f"The set has no label '{strange[0]}'; it has {', '.join(known)}.")
    sources, left_out = usable(records, lambda one: _source(one, plan), step)
    if not sources:
        reasons = ", ".join(f"{name} {count}" for name, count in left_out.items())
        raise MienError(f"No face of {data} can be used ({reasons}); give colour images of faces.")
    return sources, left_out


def _source(record: Labelled, plan: BalancePlan) -> Source | str:
    """One face with its cell, or the reason why it is left out."""
    if any(not record.labels.get(name) for name in plan.labels):
        return "no label"
    if read_change(record.path):
        return "made"
    try:
        chip = stretched(read_image(record.path), SIDE)
    except ImageError:
        return "unreadable"
    if not has_tone(chip):
        return "no colours"
    angle = tone_angle(cheeks(chip))
    tone = tone_bin(angle)
    if tone not in plan.tones:
        return "other tone"
    return Source(record.path, (tone, *(record.labels[name] for name in plan.labels)), angle, chip)


class _Gates:
    """What an edited face must pass: the tone, the person, and the sharpness of real faces."""

    def __init__(self, sources: Sequence[Source], same: Same) -> None:
        self._sources, self._same = sources, same
        some = sources[:: max(1, len(sources) // 400)]
        self._band = np.percentile([sharpness(one.chip) for one in some], SHARP)
        self.refused: Counter[str] = Counter()

    def refuse(self, row: int, changed: Pixels, cell: Cell) -> str:
        """The gate that refuses an edited face; "" if it passes."""
        why = self._why(self._sources[row].chip, changed, cell)
        if why:
            self.refused[why] += 1
        return why

    def _why(self, before: Pixels, changed: Pixels, cell: Cell) -> str:
        if tone_bin(tone_angle(cheeks(changed))) != cell[0]:
            return "tone outside its bin"
        was, now = sharpness(before), sharpness(changed)
        low, high = min(self._band[0], was / SLACK), max(self._band[1], was * SLACK)
        if not low <= now <= high:
            return "sharpness of no real face"
        return "" if self._same(before, changed) else "another person"


def matched() -> Same:
    """Whether two aligned faces match by the default embedder, at FMR 0.001."""
    embedder: Embedder = load(EMBEDDER)
    calibration = find_calibration(embedder.contract, DETECTOR)
    least = calibration.at_fmr(FMR).score
    face = utkface_face(SIDE)

    def same(before: Pixels, changed: Pixels) -> bool:
        chips = [align(chip, [face], embedder.crop) for chip in (before, changed)]
        first, second = embedder(np.concatenate(chips))
        return float(calibration.pair_scores(first[None], second[None])[0]) > least

    return same


def sharpness(chip: Pixels) -> float:
    """Mean absolute second difference of the luma of a face, grey values; higher is sharper."""
    grey = chip @ LUMA
    return float(np.abs(np.diff(grey, 2, axis=0)).mean() + np.abs(np.diff(grey, 2, axis=1)).mean())


def _edit_of(editor: Card) -> Edit:
    """The change of tone by a card; formulas need neither weights nor a detector."""
    if editor.task != TASK:
        raise OptionError(
            f"'{editor.name}' edits no faces; name {EDITOR}, or the run folder of: mien train "
            f"{EDITOR}."
        )
    if not editor.files:
        return toned
    found: Edit = load(editor.name).toned
    return found


def _write(
    editor: Card,
    source: Source,
    changed: Pixels,
    cell: Cell,
    angle: float,
    stem: Path,
    mark: bool,
    seed: int,
    step: OnStep,
) -> dict[str, Any]:
    """Write one edited face with its provenance, unless it is there; return its row."""
    photo = read_artefact("image", source.path)
    provenance = Provenance(
        editor.name, editor.digest if editor.files else "", "edited",
        ((photo.name, photo.sha256),),
        (f"{editor.name}@{editor.digest}",) if editor.files else (),
        (("cell", name_of(cell)), ("tone", f"{angle:.3f}")), seed,
    )  # fmt: skip
    about = {"made_from": photo.sha256, "cell": name_of(cell), "tone": angle, "mark": mark}
    key = settings_key(about | ({"editor": editor.digest} if editor.files else {}))
    stem.parent.mkdir(parents=True, exist_ok=True)
    files = done_files(stem, key)
    if files is None:
        made = Made((Artefact("image", image=changed),), provenance)
        files = write_made(made, stem, ".png", key, mark, step)
    return {
        "file": files[0].relative_to(stem.parent.parent).as_posix(),
        "synthetic": True,
        "cell": name_of(cell),
        "source": photo.name,
        "source_sha256": photo.sha256,
        "tone_before": round(source.angle, 3),
        "tone": round(angle, 3),
        "seed": seed,
    }
