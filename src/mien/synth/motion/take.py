"""A person over time: frames one by one, each with its truth."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from mien.errors import MienError
from mien.synth.motion.puppet_frame import Performer, show
from mien.synth.motion.timeline import Timeline, smooth
from mien.synth.render.camera import Pose
from mien.synth.render.scene import Frame, Scene
from mien.synth.skin.pulse import Pulse, pulse

NOD = 0.3  # degrees of pitch for each mm that a breath lifts the head


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """One clip to be rendered."""

    timeline: Timeline
    scene: Scene = field(default_factory=Scene)  # light, camera, background and pose of the head
    rate: float = 25.0  # frames per second
    rolling: float = 0.0  # s from reading the first row to the last; 0: a global shutter
    pulse_depth: float = 0.0  # 0.002 to 0.006 on living skin
    pulse_rate: float | None = None  # beats per minute; random if None
    breath_depth: float = 0.0  # mm by which the head rises with a breath, and 0.3 degrees a mm
    breath_rate: float = 15.0  # breaths per minute
    seed: int = 0

    def heart(self) -> Pulse:
        """The pulse over the clip."""
        return pulse(self.timeline.times(self.rate), self.seed, rate=self.pulse_rate)

    def breath(self, time: float) -> float:
        """How deeply the person has breathed in at a time: 0 out, 1 in.

        A breath in takes two fifths of the cycle. Source: Tobin et al., "Breathing patterns",
        Chest 84, 1983.
        """
        share = (time * self.breath_rate / 60) % 1.0
        return smooth(share / 0.4) if share < 0.4 else 1 - smooth((share - 0.4) / 0.6)

    def scenes(self) -> Iterator[tuple[float, Scene]]:
        """Time and scene of each frame; with a rolling shutter the time is that of its first row.

        Raises:
            MienError: reading takes longer than a frame.
        """
        if not 0 <= self.rolling <= 1 / self.rate:
            raise MienError(
                f"A camera that reads its rows in {self.rolling:g} s cannot give {self.rate:g} "
                f"frames per second; at most {1 / self.rate:.3g} s are possible."
            )
        times, heart = self.timeline.times(self.rate), self.heart()
        for number, time in enumerate(times):
            scene = replace(
                self._at(float(time)),
                pulse=float(heart.wave[number]),
                pulse_depth=self.pulse_depth,
                viseme=self.timeline.viseme(float(time)),
                seed=(self.seed * 100_003 + number) % (1 << 31),
            )
            if self.rolling:
                scene = replace(scene, last_row=self._at(float(time) + self.rolling))
            yield float(time), scene

    def _at(self, time: float) -> Scene:
        """Face and pose at a time."""
        turn, base = self.timeline.pose(time), self.scene.pose
        up = self.breath_depth * self.breath(time)
        right, high, near = base.shift
        pose = Pose(base.yaw + turn.yaw, base.pitch + turn.pitch + NOD * up,
                    base.roll + turn.roll, (right, high + up, near))  # fmt: skip
        weights = {**self.scene.weights, **self.timeline.weights(time)}
        return replace(self.scene, weights=weights, pose=pose)


def play(
    actor: Performer, take: Take, *, truth: bool = False, nir: bool = False
) -> Iterator[tuple[float, Frame]]:
    """Render a clip: time and frame, one after another."""
    for time, scene in take.scenes():
        yield time, show(actor, scene, truth=truth, nir=nir)
