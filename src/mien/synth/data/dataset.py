"""Render a data set: several processes, one manifest, resumable."""

import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien.media import encode_image, write_bytes
from mien.synth.data.declare import NOTE, PACKET
from mien.synth.data.film_truth import TruthWriter, record, truth_path
from mien.synth.data.group_film import (
    facts_of,
    person_path,
    record_group,
    save_group_truth,
)
from mien.synth.data.groups import moment, random_group
from mien.synth.data.portraits import LIST, Portrait, keep_portraits, read_portrait
from mien.synth.data.recipes import RECIPES, find_recipe, plan
from mien.synth.data.samples import GroupPlan, Sample, rows_of_events, split_of, split_of_name
from mien.synth.head.actor import Actor
from mien.synth.head.head_files import open_head
from mien.synth.head.model import HeadModel
from mien.synth.motion.peaks import with_peak
from mien.synth.motion.puppet_frame import Performer, show
from mien.synth.motion.take import play
from mien.synth.render.attacks import present
from mien.synth.render.degrade import spoil
from mien.synth.render.group import render_group
from mien.synth.render.scene import Frame
from mien.synth.skin.paint import LABELS
from mien.types import OnStep

SETTINGS = "dataset.json"
Cast = Callable[[int], Sequence[Portrait]]  # returns that many photographs
PUPPETS = """# {recipe}: photographs, moved

{count} items of {people} photographs of real people, whose faces `mien synth dataset {recipe}
--puppets` moved by known amounts with the head model `{head}` and seed {seed}. {about}

**Synthetic movements**: nobody made them. What is labelled is added to the expression, pose and
gaze that the photograph shows, which nobody measured. Skin, light and background are real, so the
terms of the photographs hold for every file, and those who are seen must have agreed. Results on
these images show how a method performs on such movements, not how accurate it is on people. Made
by mien {version}.

`manifest.jsonl` has one line per item: files, photograph, identity_id, split, labels, and the
SHA-256 of its parameters. `portraits.jsonl` lists the photographs. Identities never cross splits.
"""
CARD = """# {recipe}: synthetic

{count} items of {people} people who do not exist, rendered by `mien synth dataset {recipe}` from
the head model `{head}` with seed {seed}. {about}

Nobody was photographed. **Synthetic**: results on these images show how a method performs on this
renderer, not how accurate it is on people; report them as such, split by identity, light,
background and head model. Tone, age and hair are controls of the renderer, not categories of
people. Made by mien {version}; licence of the head model: {licence}.

`manifest.jsonl` has one line per item: files, identity_id, split, labels, and the SHA-256 of its
parameters. Identities never cross splits.
"""


@dataclass(frozen=True, slots=True)
class Plan:
    """Settings of a data set; the same plan gives the same bytes."""

    recipe: str
    count: int  # items
    seed: int = 0
    head: str = "builtin"
    size: int = 256  # px, square
    puppets: str = ""  # digest of the photographs that are moved; "": people are rendered

    def __post_init__(self) -> None:
        recipe = find_recipe(self.recipe)
        if self.puppets and not recipe.puppets:
            able = ", ".join(one.name for one in RECIPES.values() if one.puppets)
            raise MienError(
                f"Recipe '{self.recipe}' needs what a photograph does not show; these can move "
                f"photographs: {able}."
            )
        if not 1 <= self.count <= 10_000_000 or not 16 <= self.size <= 4096:
            raise MienError(
                f"A data set has 1 to 10,000,000 items of 16 to 4096 px, not {self.count} of "
                f"{self.size} px."
            )

    @property
    def people(self) -> int:
        """Number of people."""
        return -(-self.count // find_recipe(self.recipe).each)


def draw(
    plan_: Plan,
    out: Path,
    *,
    cast: Cast | None = None,
    workers: int = 1,
    on_step: OnStep | None = None,
) -> Path:
    """Render a data set into a folder.

    Existing items are kept, so the same command resumes after an interruption. The
    result is identical to the byte, whatever the number of workers.

    Args:
        plan_: what to render.
        out: the folder; created if it does not exist.
        cast: finds the photographs of a plan with puppets; not called again to resume.
        workers: processes.
        on_step: called for each item.

    Returns:
        The manifest.

    Raises:
        MienError: the folder holds something else, or the disk is full.
    """
    head = open_head(plan_.head)
    _claim(plan_, out)
    if plan_.puppets and not (out / LIST).is_file():
        assert cast is not None, "a plan with puppets needs photographs"
        keep_portraits(out, cast(plan_.people))
    todo = [n for n in range(plan_.count) if not _row_path(out, n).is_file()]
    done = plan_.count - len(todo)
    for _ in _each(plan_, out, todo, workers):
        done += 1
        if on_step:
            on_step(plan_.recipe, done, plan_.count)
    rows = [_row_path(out, n).read_text("utf-8") for n in range(plan_.count)]
    write_bytes(out / "README.md", _card(plan_, head).encode())
    manifest = out / "manifest.jsonl"
    write_bytes(manifest, "".join(rows).encode())
    return manifest


def _claim(plan_: Plan, out: Path) -> None:
    """Claim the folder, or refuse it."""
    given = {key: value for key, value in asdict(plan_).items() if key != "puppets" or value}
    settings = json.dumps(given, indent=1, sort_keys=True) + "\n"
    path = out / SETTINGS
    if path.is_file():
        if path.read_text("utf-8") != settings:
            raise MienError(
                f"{out} holds another data set ({SETTINGS} differs); choose another folder, or "
                "use the settings it was started with to resume."
            )
        for part in out.rglob(".*.part*"):  # left by a killed run
            with suppress(OSError):
                part.unlink()
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise MienError(f"{out} is neither an empty folder nor a data set of mien; choose another.")
    try:
        (out / "rows").mkdir(parents=True)
        (out / "items").mkdir()
    except OSError as error:
        raise MienError(f"{out} cannot be created: {error.strerror}.") from error
    write_bytes(path, settings.encode())


def _row_path(out: Path, number: int) -> Path:
    return out / "rows" / f"{number:07d}.json"


def _each(plan_: Plan, out: Path, todo: list[int], workers: int) -> Iterator[int]:
    """Render the items, here or in other processes; yield the number of each finished item."""
    if workers <= 1:
        for number in todo:
            yield _one(plan_, out, number)
        return
    context = multiprocessing.get_context("spawn")
    waiting, rest = set[Future[int]](), iter(todo)
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_quiet) as pool:
        try:
            for number in islice(rest, 2 * workers):
                waiting.add(pool.submit(_one, plan_, out, number))
            while waiting:
                ready, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in ready:
                    number = next(rest, -1)
                    if number >= 0:
                        waiting.add(pool.submit(_one, plan_, out, number))
                    yield future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _quiet() -> None:
    """A worker uses one core; there are as many workers as requested."""
    cv2.setNumThreads(1)


@lru_cache(maxsize=2)
def _head(name: str) -> HeadModel:
    return open_head(name)


def _one(plan_: Plan, out: Path, number: int) -> int:
    """Render one item; its row is written last, so a row means that the item is complete."""
    recipe, head = find_recipe(plan_.recipe), _head(plan_.head)
    identity, shot = plan(recipe, head, number, plan_.seed, plan_.size)
    photo = read_portrait(out, identity) if plan_.puppets else None
    one: Performer = photo.puppet(head) if photo else Actor(head, shot.person)
    shot = set_peak(shot, one)
    files, measured = write_shot(shot, one, out / "items" / f"{number:07d}")
    row = {
        "number": number,
        "files": {name: str(path.relative_to(out).as_posix()) for name, path in files.items()},
        **_who(plan_, identity, photo),
        "synthetic": True,
        "head": plan_.head,
        "labels": {**shot.labels, **measured},
        "parameters": shot.digest(),
    }
    line = json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"
    write_bytes(_row_path(out, number), line.encode())
    return number


def set_peak(shot: Sample, one: Performer) -> Sample:
    """The sample with the weights that give its peak in px, which are labels then."""
    if shot.peak_px is None or shot.take is None:
        return shot
    take = with_peak(one, shot.take, shot.peak_px)
    events = [event for event in take.timeline.events if event.kind == "micro"]
    return replace(shot, take=take, labels={**shot.labels, "events": rows_of_events(events)})


def _who(plan_: Plan, identity: int, photo: Portrait | None) -> dict[str, str]:
    """The person of an item, and its split: the same for all items of that person."""
    if photo is None:
        name = f"{plan_.head}-{plan_.seed}-{identity:06d}"
        return {"identity_id": name, "split": split_of(identity, plan_.seed, plan_.people)}
    name = photo.person or photo.sha256[:16]
    return {"identity_id": name, "photo": photo.name, "split": split_of_name(name, plan_.seed)}


def write_shot(
    shot: Sample, actor: Performer, base: Path
) -> tuple[dict[str, Path], dict[str, Any]]:
    """Render one item to files that begin with `base`.

    Returns:
        Files by content, and facts known only after rendering.
    """
    if shot.group is not None:
        assert isinstance(actor, Actor), "Plan refuses photographs for this recipe"
        return _write_group(shot.group, actor.head, base)
    if shot.take is not None:
        return _write_film(shot, actor, base), {"rate": shot.take.rate}
    assert shot.scene is not None
    if shot.attack:
        assert isinstance(actor, Actor), "Plan refuses photographs for this recipe"
        shown = present(actor, shot.scene, shot.attack, shot.scene.seed)
        files = {"rgb": _save(base, "", shown.rgb), "nir": _save(base, "-nir", shown.nir)}
        files["depth"] = _arrays(base, {"depth": shown.depth})
        return files, {"pulse_share": shown.pulse_share}
    deep = shot.truth or shot.spoilt is not None
    frame = show(actor, shot.scene, truth=deep, nir=shot.nir)
    files = {"rgb": _save(base, "", frame.rgb)}
    if shot.spoilt:
        done = spoil(frame.rgb, *shot.spoilt, shot.scene.seed, frame.depth)
        files["spoilt"] = _save(base, "-spoilt", done.image)
        return files, {"parameters": done.parameters}
    if shot.nir:
        files["nir"] = _save(base, "-nir", frame.nir)
    measured: dict[str, Any] = {"box": _box(frame), "points": frame.lm68.round(2).tolist()}
    measured |= {"yaw": round(frame.pose.yaw, 3), "pitch": round(frame.pose.pitch, 3),
             "roll": round(frame.pose.roll, 3), "face_visible": frame.face_visible}  # fmt: skip
    if shot.truth:
        files["truth"] = _arrays(base, truth_of(frame))
    return files, measured


def _write_film(shot: Sample, actor: Performer, base: Path) -> dict[str, Path]:
    """A film, or its frames, with the truth of each frame."""
    assert shot.take is not None
    if not shot.lossless:
        path = base.with_suffix(".mp4")
        record(actor, shot.take, path)
        return {"film": path, "truth": truth_path(path)}
    folder = base.with_name(base.name + "-frames")
    folder.mkdir(exist_ok=True)
    with TruthWriter(folder, shot.take) as known:
        for number, (time, frame) in enumerate(play(actor, shot.take)):
            write_bytes(folder / f"{number:06d}.png", _png(frame.rgb))
            known.add(time, frame)
    return {"frames": folder, "truth": truth_path(folder)}


def _write_group(
    plan_: GroupPlan, head: HeadModel, base: Path
) -> tuple[dict[str, Path], dict[str, Any]]:
    """A picture or a film of several people, with the truth of each."""
    size = (plan_.width * 9 // 16 // 2 * 2, plan_.width)
    group = random_group(plan_.seed, plan_.people, plan_.kind, size=size)
    actors = group.cast(head)
    if plan_.film:
        path = base.with_suffix(".mp4")
        record_group(group, actors, path)
        own = {f"person-{k}": truth_path(person_path(path, k)) for k in range(plan_.people)}
        cast = [{"person": role.identity, "action": role.action} for role in group.roles]
        return {"film": path, "truth": truth_path(path), **own}, {"people": cast,
                                                                  "rate": group.rate}  # fmt: skip
    frame = render_group(moment(group, actors), group.setting)
    truth = truth_path(base.with_suffix(".png"))
    save_group_truth(truth, frame, pixels=True)
    files = {"rgb": _save(base, "", frame.rgb), "truth": truth}
    return files, {"people": facts_of(group, frame)}


def truth_of(frame: Frame) -> dict[str, NDArray[Any]]:
    """The arrays of the truth, as stored in an .npz."""
    return {
        "depth": frame.depth.astype(np.float32),
        "seg": frame.seg,
        "labels": np.array(LABELS),
        "points68": frame.lm68,
        "points68_3d": frame.lm68_3d,
        "points68_seen": frame.lm68_seen,
        "contour": frame.contour,
        "iris": frame.iris,
        "shapes": np.array(sorted(frame.shapes)),
        "shape_weights": np.array([frame.shapes[n] for n in sorted(frame.shapes)], np.float32),
    }


def _box(frame: Frame) -> list[float]:
    low, high = frame.lm68.min(0), frame.lm68.max(0)
    return [round(float(v), 2) for v in (*low, *high)]


def _save(base: Path, suffix: str, image: NDArray[np.uint8]) -> Path:
    path = base.with_name(f"{base.name}{suffix}.png")
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    write_bytes(path, _png(image))
    return path


def _png(image: NDArray[np.uint8]) -> bytes:
    """A picture that declares itself as synthetic."""
    return encode_image(image, "png", note=NOTE, xmp=PACKET)


def _arrays(base: Path, arrays: dict[str, NDArray[Any]]) -> Path:
    """An .npz with the same bytes every time: NumPy's writer stores no dates in zip entries."""
    path, out = base.with_suffix(".npz"), BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    write_bytes(path, out.getvalue())
    return path


def _card(plan_: Plan, head: HeadModel) -> str:
    from importlib.metadata import version

    recipe = find_recipe(plan_.recipe)
    return (PUPPETS if plan_.puppets else CARD).format(
        recipe=recipe.name, count=plan_.count, people=plan_.people, head=plan_.head,
        seed=plan_.seed, about=recipe.about, version=version("mien"), licence=head.licence,
    )  # fmt: skip


def cores() -> int:
    """Sensible number of processes."""
    if hasattr(os, "sched_getaffinity"):  # not on every system
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
