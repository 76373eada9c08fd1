"""Commands that move real photographs by known amounts: synth puppet, synth dataset --puppets."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.synth_films import (
    Emotion,
    HeadName,
    Lossless,
    Parquet,
    Pitch,
    Rate,
    Say,
    Script,
    Seconds,
    Seed,
    Side,
    Text,
    Truth,
    Weights,
    Yaw,
    film_of,
    picture_of,
    weights_of,
)
from mien.cli.terminal import complain, progress
from mien.zoo import DETECTOR

if TYPE_CHECKING:
    from mien.synth.data.dataset import Plan

MESH = "attention-mesh"  # whose points the head is fitted to


def puppet(
    photo: Annotated[Path, typer.Argument(help="Photograph of a face.", exists=True)],
    out: Annotated[Path, typer.Argument(help="Image to write, or film: .mp4, .mov or .mkv.")],
    head: HeadName = "builtin",
    seed: Seed = 0,
    weights: Weights = None,
    yaw: Yaw = 0.0,
    pitch: Pitch = 0.0,
    emotion: Emotion = "neutral",
    say: Say = "",
    text: Text = "",
    pulse: Annotated[
        float | None,
        typer.Option(
            min=20, max=250, help="Show a pulse of so many beats a minute.", show_default=False
        ),
    ] = None,
    seconds: Seconds = 4.0,
    rate: Rate = 25.0,
    size: Side = 384,
    truth: Truth = "measures",
    lossless: Lossless = False,
    parquet: Parquet = False,
) -> None:
    """Move the face in a photograph by known amounts: real skin, exact truth.

    A picture shows --set and the turn. A film has blinks, gaze, head motion, an
    expression, speech and a pulse. What it states is added to what the photo
    shows. Those who are seen must have agreed.

    Example: mien synth puppet me.jpg hello.mp4 --emotion joy --say "HH AH L OW"
    """
    from mien.datasets import Labelled
    from mien.media import is_film
    from mien.service.puppets import portrait_of
    from mien.synth import Pose, Scene, open_head
    from mien.zoo import load

    portrait = portrait_of(Labelled(photo), size, load(DETECTOR), load(MESH))
    one = portrait.puppet(open_head(head))
    scene = Scene(weights_of(weights or []), Pose(yaw, pitch), seed=seed)
    if is_film(out):
        script = Script(emotion, say, seconds, rate, seed, pulse, text)
        film_of(one, scene, script, out, truth, lossless, parquet)
    else:
        picture_of(one, scene, out, None)


def draw_puppets(plan: "Plan", photos: Path, layout: str, out: Path, workers: int) -> Path:
    """Draw a data set of moved photographs; report how many were left out, and why."""
    from dataclasses import replace

    from mien.service.puppets import Casting
    from mien.synth.data.dataset import draw
    from mien.zoo import load

    with progress() as on_step:
        casting = Casting(
            photos, load(DETECTOR), load(MESH), layout, plan.head, plan.size, plan.seed,
            on_step=on_step,
        )  # fmt: skip
        known = replace(plan, puppets=casting.digest())
        manifest = draw(known, out, cast=casting, workers=workers, on_step=on_step)
    for why, many in sorted(casting.failures.items()):
        complain(f"{many} photographs left out: {why}.")
    return manifest
