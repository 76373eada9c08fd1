"""A person over time: frames one by one, each with its truth."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from mien.synth.actor import Actor
from mien.synth.camera import Pose
from mien.synth.pulse import Pulse, pulse
from mien.synth.scene import Frame, Scene, render
from mien.synth.timeline import Timeline


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """One clip to be drawn."""

    timeline: Timeline
    scene: Scene = field(default_factory=Scene)  # light, camera, background and where the head is
    rate: float = 25.0  # frames a second
    pulse_depth: float = 0.0  # 0.002 to 0.006 on living skin
    pulse_rate: float | None = None  # beats a minute; at random if None
    seed: int = 0

    def heart(self) -> Pulse:
        """The pulse over the clip."""
        return pulse(self.timeline.times(self.rate), self.seed, rate=self.pulse_rate)

    def scenes(self) -> Iterator[tuple[float, Scene]]:
        """Time and scene of each frame."""
        times, heart = self.timeline.times(self.rate), self.heart()
        for number, time in enumerate(times):
            turn, base = self.timeline.pose(float(time)), self.scene.pose
            pose = Pose(
                base.yaw + turn.yaw, base.pitch + turn.pitch, base.roll + turn.roll, base.shift
            )
            yield (
                float(time),
                replace(
                    self.scene,
                    weights={**self.scene.weights, **self.timeline.weights(float(time))},
                    pose=pose,
                    pulse=float(heart.wave[number]),
                    viseme=self.timeline.viseme(float(time)),
                    pulse_depth=self.pulse_depth,
                    seed=(self.seed * 100_003 + number) % (1 << 31),
                ),
            )


def play(
    actor: Actor, take: Take, *, truth: bool = False, nir: bool = False
) -> Iterator[tuple[float, Frame]]:
    """Draw a clip: time and frame, one after another."""
    for time, scene in take.scenes():
        yield time, render(actor, scene, truth=truth, nir=nir)
