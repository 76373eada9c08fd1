"""Command that renders several people in one room: synth group."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mien.cli.synth_films import HeadName, Lossless, Seed
from mien.cli.terminal import print_json_line, progress
from mien.errors import MienError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mien.synth import Actor
    from mien.synth.data.groups import Group


def group(
    out: Annotated[
        Path, typer.Argument(help="Image (.png, .jpg) or film (.mp4, .mov, .mkv) to write.")
    ],
    people: Annotated[int, typer.Option("--people", min=1, max=6, help="Number of people.")] = 3,
    kind: Annotated[
        Literal["standing", "crossing", "walking", "gestures"],
        typer.Option(
            "--kind",
            help="crossing: two walk past each other; walking: one comes closer; gestures: all "
            "make one.",
        ),
    ] = "standing",
    head: HeadName = "builtin",
    seed: Seed = 0,
    width: Annotated[
        int, typer.Option("--width", min=64, max=3840, help="Pixels; the height is 9/16 of it.")
    ] = 960,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, max=600)] = 3.0,
    rate: Annotated[float, typer.Option("--rate", min=1, max=200, help="Frames per second.")] = 25,
    truth: Annotated[
        Literal["none", "measures", "all"],
        typer.Option(
            help="Write NAME.truth.npz, and one file for each person of a film; all = also depth, "
            "labels and who is visible."
        ),
    ] = "measures",
    lossless: Lossless = False,
) -> None:
    """Render several people in one room who occlude one another, as a picture or a film.

    The truth of each person is written beside it: boxes, landmarks, pose,
    joints of body and hands, and how much others hide. --truth all adds
    depth, labels, and who is visible in each pixel.

    Example: mien synth group hall.mp4 --people 3 --kind crossing --seed 4
    """
    from mien.media import is_film
    from mien.synth import open_head
    from mien.synth.data.groups import random_group

    size = (width * 9 // 16 // 2 * 2, width // 2 * 2)  # codecs want even sides
    scene = random_group(seed, people, kind, size=size, seconds=seconds, rate=rate)
    actors = scene.cast(open_head(head))
    if is_film(out):
        _film(scene, actors, out, truth, lossless)
    elif lossless:
        raise MienError("--lossless is for films; a .png keeps each pixel anyway.")
    else:
        _picture(scene, actors, out, truth)


def _film(
    scene: "Group",
    actors: "Sequence[Actor]",
    out: Path,
    truth: Literal["none", "measures", "all"],
    lossless: bool,
) -> None:
    from mien.synth.data.film_truth import truth_path
    from mien.synth.data.group_film import record_group

    with progress() as on_step:
        frames = record_group(scene, actors, out, truth=truth, lossless=lossless, on_step=on_step)
    people = [{"person": role.identity, "action": role.action} for role in scene.roles]
    print_json_line({"film": out, "synthetic": True, "frames": frames, "people": people,
                     "truth": None if truth == "none" else truth_path(out)})  # fmt: skip


def _picture(scene: "Group", actors: "Sequence[Actor]", out: Path, truth: str) -> None:
    from mien.media import write_image
    from mien.synth.data.declare import NOTE, PACKET
    from mien.synth.data.film_truth import truth_path
    from mien.synth.data.group_film import facts_of, save_group_truth
    from mien.synth.data.groups import moment
    from mien.synth.render.group import render_group

    frame = render_group(moment(scene, actors), scene.setting)
    write_image(out, frame.rgb, note=NOTE, xmp=PACKET)
    if truth != "none":
        save_group_truth(truth_path(out), frame, pixels=truth == "all")
    print_json_line({"image": out, "synthetic": True, "people": facts_of(scene, frame),
                     "truth": None if truth == "none" else truth_path(out)})  # fmt: skip
