"""Films of several people, and their truth: one file for the scene, and one for each person."""

import os
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mien.errors import MienError
from mien.media import FilmWriter
from mien.synth.data.declare import NOTE
from mien.synth.data.film_truth import (
    MM,
    ArrayFile,
    FilmTruth,
    TruthWriter,
    Whole,
    read_series,
    read_truth,
    truth_path,
)
from mien.synth.data.groups import Group, member_at
from mien.synth.head.actor import Actor
from mien.synth.render.group import GROUP_LABELS, GroupFrame, render_group
from mien.types import Doubles, OnStep, Series


@dataclass(frozen=True, slots=True, eq=False)
class GroupTruth:
    """What is known about a film of several people."""

    times: Doubles  # (T,) seconds
    people: tuple[FilmTruth, ...]  # each with `whole`: boxes, joints, and how much is hidden
    identities: tuple[int, ...]  # seeds of the people
    actions: tuple[str, ...]  # what each of them does: standing, crossing, walking, a gesture
    owner: Series | None = None  # (T, H, W) place in `people` of who is visible; -1: the room
    seg: Series | None = None  # (T, H, W) places in `labels`
    depth: Series | None = None  # (T, H, W) m, of people and room
    labels: tuple[str, ...] = ()


def record_group(
    group: Group,
    actors: Sequence[Actor],
    out: Path,
    *,
    truth: Literal["none", "measures", "all"] = "measures",
    lossless: bool = False,
    on_step: OnStep | None = None,
) -> int:
    """Render a film of several people, and write its truth beside it; return the frames.

    Args:
        group: what happens.
        actors: of `group.cast`.
        out: .mp4, .mov or .mkv.
        truth: "measures": NAME.truth.npz and one NAME.person-K.truth.npz for each person;
            "all": also depth, segmentation and who is visible in each pixel.
        lossless: keep each pixel; needs .mkv.
        on_step: called after each frame.

    Raises:
        FilmError, MienError: a file cannot be written.
    """
    takes = [role.take for role in group.roles]
    total = len(takes[0].timeline.times(group.rate))
    with ExitStack() as files:
        film = files.enter_context(FilmWriter(out, note=NOTE, lossless=lossless))
        own: list[TruthWriter] = []
        scene = None
        if truth != "none":
            scene = files.enter_context(ArrayFile(truth_path(out)))
            own = [files.enter_context(TruthWriter(person_path(out, k), take))
                   for k, take in enumerate(takes)]  # fmt: skip
        times = []
        for done, rows in enumerate(zip(*(take.scenes() for take in takes), strict=True), 1):
            members = [
                member_at(role, actor, time, scene_.weights, scene_.pose, scene_.viseme)
                for role, actor, (time, scene_) in zip(group.roles, actors, rows, strict=True)
            ]
            frame = render_group(members, group.setting_at(done), truth=truth != "none")
            times.append(rows[0][0])
            film.add(frame.rgb, times[-1])
            for writer, shown in zip(own, frame.people, strict=False):
                writer.add(times[-1], shown.frame, shown=shown)
            if scene is not None and truth == "all":
                _put(scene, done - 1, frame)
            if on_step:
                on_step("frames", done, total)
        if scene is not None:
            for name, array in _facts(group, times).items():
                scene.put(name, array)
    return total


def person_path(film: Path, number: int) -> Path:
    """The name of the film of one person, whose truth lies beside it."""
    return film.with_name(f"{film.stem}.person-{number}{film.suffix}")


def facts_of(group: Group, frame: GroupFrame) -> list[dict[str, Any]]:
    """Labels of each person of a picture, as plain data."""
    return [
        {
            "person": role.identity, "action": role.action, "box": one.box.round(2).tolist(),
            "points68": one.frame.lm68.round(2).tolist(), "shown": round(one.share, 4),
            "yaw": round(one.frame.pose.yaw, 3), "pitch": round(one.frame.pose.pitch, 3),
            "roll": round(one.frame.pose.roll, 3),
        }
        for role, one in zip(group.roles, frame.people, strict=True)
    ]  # fmt: skip


def save_group_truth(place: Path, frame: GroupFrame, *, pixels: bool) -> None:
    """Write the truth of one picture as .npz: one row for each person.

    Args:
        place: the file.
        frame: as rendered.
        pixels: also depth, labels and who is visible.
    """
    with ArrayFile(place) as file:
        for name in ("lm68", "lm68_3d", "lm68_seen", "contour", "iris"):
            file.put(name, np.stack([getattr(one.frame, name) for one in frame.people]))
        for name in Whole.__slots__:
            file.put(name, np.stack([getattr(one, name) for one in frame.people]))
        poses = [one.frame.pose for one in frame.people]
        file.put("pose", np.array([(p.yaw, p.pitch, p.roll) for p in poses], np.float32))
        file.put("labels", np.array(GROUP_LABELS))
        if pixels:
            for name in ("depth", "seg", "owner"):
                file.put(name, getattr(frame, name))


def _put(file: ArrayFile, number: int, frame: GroupFrame) -> None:
    file.put(f"owner/{number:06d}", frame.owner)
    file.put(f"seg/{number:06d}", frame.seg)
    file.put(f"depth/{number:06d}", (frame.depth / MM).astype(np.float16))


def _facts(group: Group, times: list[float]) -> dict[str, NDArray[Any]]:
    return {
        "times": np.array(times),
        "identities": np.array([role.identity for role in group.roles]),
        "actions": np.array([role.action for role in group.roles], np.str_),
        "labels": np.array(GROUP_LABELS),
    }


def read_group(film: str | os.PathLike[str]) -> GroupTruth:
    """Read the truth that `mien synth group` wrote beside a film.

    Raises:
        MienError: there is no truth, it is not complete, or it is that of a single person.
    """
    path = Path(film)
    place = truth_path(path)
    try:
        with place.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            if "identities" not in kept.files:
                raise MienError(f"{place} is the truth of one person; use read_truth.")
            times = np.asarray(kept["times"], np.float64)
            series = {name: read_series(kept, name, times) for name in ("owner", "seg", "depth")}
            identities = tuple(int(one) for one in kept["identities"])
            actions, labels = tuple(kept["actions"].tolist()), tuple(kept["labels"].tolist())
    except FileNotFoundError as error:
        raise MienError(
            f"'{film}' has no truth: {place} does not exist. Render it with: mien synth group"
        ) from error
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise MienError(f"{place} is damaged ({error}); render the film again.") from error
    people = tuple(read_truth(person_path(path, k)) for k in range(len(identities)))
    return GroupTruth(times, people, identities, actions, **series, labels=labels)
