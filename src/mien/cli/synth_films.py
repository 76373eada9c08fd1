"""What the commands that render people and move photographs share: options, pictures, films."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mien.cli.terminal import print_json_line, progress
from mien.errors import MienError

if TYPE_CHECKING:
    from mien.synth import Scene
    from mien.synth.motion.puppet_frame import Performer
    from mien.synth.motion.take import Take
    from mien.types import Sound

Side = Annotated[
    int, typer.Option("--size", min=16, max=4096, help="Side of the square image in pixels.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Random seed for identity and scene.")]
HeadName = Annotated[
    str, typer.Option("--head", help="Head model: builtin, an imported name, or an .npz file.")
]
Weights = Annotated[
    list[str] | None,
    typer.Option("--set", help="A blendshape and its weight: AU12=0.7, jawOpen=0.3 ..."),
]
Yaw = Annotated[float, typer.Option("--yaw", help="Yaw in degrees, positive to image right.")]
Pitch = Annotated[float, typer.Option("--pitch", help="Pitch in degrees, positive up.")]
Emotion = Annotated[str, typer.Option("--emotion", help="Expression: joy, fear, contempt ...")]
Say = Annotated[str, typer.Option("--say", help="Speech sounds in ARPAbet: 'B L UW'.")]
Text = Annotated[
    str,
    typer.Option(
        help="Words to speak, by eSpeak NG if it is installed: 'good morning'.", show_default=False
    ),
]
Parquet = Annotated[
    bool, typer.Option("--parquet", help="Also write the measures as NAME.truth.parquet.")
]
Seconds = Annotated[float, typer.Option("--seconds", min=0.1, max=600)]
Rate = Annotated[float, typer.Option("--rate", min=1, max=200, help="Frames per second.")]
Truth = Annotated[
    Literal["none", "measures", "all"],
    typer.Option(
        help="Write NAME.truth.npz: measures of each frame; all = also depth, labels, "
        "infrared and flow."
    ),
]
Lossless = Annotated[
    bool, typer.Option("--lossless", help="Keep each pixel as it is; OUT ends in .mkv.")
]


@dataclass(frozen=True, slots=True)
class Script:
    """What happens in a film."""

    emotion: str
    say: str  # phonemes
    seconds: float
    rate: float
    seed: int
    pulse: float | None = None  # beats per minute; None: no pulse shows
    text: str = ""  # words, instead of phonemes

    def take(self, scene: "Scene") -> "tuple[Take, Sound | None]":
        """The film of a scene, and what is heard if the formant voice does not speak."""
        import numpy as np

        from mien.synth import emotion
        from mien.synth.motion import timeline
        from mien.synth.motion.espeak import say
        from mien.synth.motion.take import Take

        if self.text and self.say:
            raise MienError("--text names words and --say phonemes; give one of them.")
        rng = np.random.default_rng([self.seed, 127])
        moves = timeline.blinks(rng, self.seconds)
        moves += timeline.macro(rng, emotion(self.emotion), min(0.4, self.seconds / 8))
        sounds: tuple[timeline.Sound, ...] = ()
        sound = None
        if self.say:
            sounds = timeline.spoken(self.say.split(), self.seconds / 3)
        elif self.text:
            sounds, sound = say(self.text, 0.3)
            self._require_time(sounds[-1].end)
        line = timeline.Timeline(
            self.seconds, tuple(moves), sounds, tuple(timeline.glances(rng, self.seconds)),
            timeline.motion(rng, self.seconds),
        )  # fmt: skip
        depth = 0.0 if self.pulse is None else 0.005
        take = Take(
            line, scene, self.rate, breath_depth=1.0, seed=self.seed, pulse_depth=depth,
            pulse_rate=self.pulse,
        )  # fmt: skip
        return take, sound

    def _require_time(self, end: float) -> None:
        if end > self.seconds:
            raise MienError(
                f"The text takes {end:.1f} s to speak, and the film has {self.seconds:g}; write: "
                f"--seconds {end + 0.3:.1f}"
            )


def film_of(
    one: "Performer",
    scene: "Scene",
    script: Script,
    out: Path,
    truth: Literal["none", "measures", "all"],
    lossless: bool,
    parquet: bool,
) -> None:
    """Write a film with its truth, and report it."""
    from mien.synth.data.film_truth import read_truth, record, truth_path
    from mien.tables import require
    from mien.tables.parts import write_columns

    if parquet:
        require()  # a missing extra is reported before the work
        if truth == "none":
            raise MienError("--parquet is a table of the truth; leave out --truth none.")
    take, sound = script.take(scene)
    with progress() as on_step:
        frames = record(
            one, take, out, truth=truth, lossless=lossless, sound=sound, on_step=on_step
        )
    if parquet:
        table = truth_path(out).with_suffix(".parquet")
        write_columns(table, read_truth(out).columns(), f"truth of {out.name}, by mien synth")
    events = [{"unit": e.unit, "onset": e.onset, "apex": e.apex, "offset": e.offset}
              for e in take.timeline.events]  # fmt: skip
    print_json_line({"film": out, "synthetic": True, "frames": frames, "events": events,
                     "truth": None if truth == "none" else truth_path(out)})  # fmt: skip


def picture_of(one: "Performer", scene: "Scene", out: Path, truth: Path | None) -> None:
    """Write a picture that declares itself as synthetic, maybe its truth, and report it."""
    from io import BytesIO

    import numpy as np

    from mien.media import write_bytes, write_image
    from mien.synth.data.dataset import truth_of
    from mien.synth.data.declare import NOTE, PACKET
    from mien.synth.motion.puppet_frame import show

    frame = show(one, scene)
    write_image(out, frame.rgb, note=NOTE, xmp=PACKET)
    if truth:
        kept = BytesIO()
        np.savez_compressed(kept, allow_pickle=False, **truth_of(frame))
        write_bytes(truth, kept.getvalue())
    print_json_line({"image": out, "synthetic": True, "shapes": frame.shapes,
                     "points68": frame.lm68.round(2), "yaw": frame.pose.yaw,
                     "pitch": frame.pose.pitch, "roll": frame.pose.roll})  # fmt: skip


def weights_of(given: list[str]) -> dict[str, float]:
    """Weights of --set NAME=WEIGHT."""
    out = {}
    for text in given:
        name, equals, value = text.partition("=")
        try:
            out[name] = float(value)
        except ValueError:
            equals = ""
        if not equals:
            raise MienError(
                f"--set '{text}' is not valid: expected BLENDSHAPE=WEIGHT, such as AU12=0.7."
            )
    return out
