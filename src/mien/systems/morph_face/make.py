"""Pictures of people who do not exist, each in several poses, lights and smiles."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mien.contracts import Artefact, Made, Provenance, option_pairs, silent
from mien.errors import MienError, OptionError, WeightsError
from mien.media import stretched
from mien.runtime import Session
from mien.synth import Actor, open_head
from mien.synth.data.styles import USUAL, draw_range, draw_styles
from mien.systems.morph_face.style import SIDE, mean_person, picture
from mien.types import Device, Floats, OnStep, Pixels

PLANES = 7  # of the graph's input: noise, style map, and draws of the person in its first values
DRAWS = (16, 32)  # candidates for a person, and values of each
MOST = 200  # people or pictures of one run


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of `mien make --set KEY=VALUE`."""

    people: int = 4  # people who do not exist
    each: int = 4  # pictures of each
    size: int = 96  # px of a written picture; beyond 24 it is only enlarged
    seed: int = 0  # of people, styles and noise


class MorphFace:
    """README.md beside this file is its card."""

    needs = ()
    options = Options

    def __init__(
        self, weights: Path | None = None, *, name: str, digest: str = "", device: str = "cpu"
    ) -> None:
        """Open the sampler of a training.

        Args:
            weights: ONNX file, (N, 7, 24, 24) -> y (N, 3, 24, 24) in [-1, 1].
            name: the card this was opened from.
            digest: of the weights.
            device: see mien.runtime.

        Raises:
            WeightsError: no weights are shipped.
        """
        if weights is None:
            raise WeightsError(
                f"'{name}' ships no weights. Train it (mien train morph-face, which needs no data) "
                "and name the run folder instead."
            )
        self._session = Session(weights, (None, PLANES, SIDE, SIDE), device=device)
        self.name, self.digest = name, digest
        self.device: Device = self._session.device

    def __call__(
        self, inputs: Mapping[str, Artefact], options: Options, /, on_step: OnStep = silent
    ) -> Made:
        """Draw people, and pictures of each.

        Args:
            inputs: none: nobody can be named whose face is taken.
            options: see Options.
            on_step: called after each person.

        Raises:
            OptionError: a setting is outside its range.
            MienError: an input is given.
        """
        if inputs:
            raise MienError(f"'{self.name}' takes no picture: it draws people who do not exist.")
        _check(options)
        head = open_head("builtin")
        mean, made = Actor(head, mean_person(head)), []
        for number in range(options.people):
            rng = np.random.default_rng([options.seed, number, 397])
            draws = rng.normal(size=DRAWS).astype(np.float32)
            own = draw_styles(draw_range(USUAL, rng, "subject"), options.each, rng)
            maps = np.stack([picture(mean, style) for style in own])
            noise = rng.normal(size=(options.each, 3, SIDE, SIDE)).astype(np.float32)
            for shot, one in enumerate(self.drawn(draws, maps, noise)):
                name = f"{number:04d}-{shot:02d}"
                made.append(Artefact("image", image=stretched(one, options.size), name=name))
            on_step("people", number + 1, options.people)
        stated = ("These people do not exist; they are like rendered ones, not like real ones.",)
        return Made(tuple(made), self.provenance(options), stated)

    def drawn(self, draws: Floats, maps: Pixels, noise: Floats) -> Pixels:
        """Pictures of one person.

        Args:
            draws: (16, 32) standard normal: candidates for the person, of whom the graph takes
                the first one who is not near anyone of the training.
            maps: (N, 24, 24, 3) the mean person in the styles of the pictures.
            noise: (N, 3, 24, 24) standard normal.

        Returns:
            (N, 24, 24, 3).
        """
        found = np.clip(self._session(packed(draws, maps, noise))["y"], -1, 1)
        return np.asarray(np.rint((found.transpose(0, 2, 3, 1) + 1) * 127.5), np.uint8)

    def provenance(self, options: Options) -> Provenance:
        """What every file of a run states."""
        return Provenance(
            maker=self.name,
            digest=self.digest,
            change="synthetic",
            made_from=(),
            weights=(f"{self.name}@{self.digest}",),
            options=option_pairs(options),
            seed=options.seed,
        )


def packed(draws: Floats, maps: Pixels, noise: Floats) -> Floats:
    """The input of the graph, (N, 7, 24, 24); see MorphFace.drawn."""
    planes = np.zeros((len(maps), PLANES, SIDE, SIDE), np.float32)
    planes[:, :3] = noise
    planes[:, 3:6] = maps.transpose(0, 3, 1, 2) / 127.5 - 1
    planes[:, 6].reshape(len(maps), -1)[:, : draws.size] = draws.reshape(-1)
    return planes


def _check(options: Options) -> None:
    for name in ("people", "each"):
        value = getattr(options, name)
        if not 1 <= value <= MOST:
            raise OptionError(f"{name} is {value}; expected 1 to {MOST}.")
    if not SIDE <= options.size <= 512:
        raise OptionError(f"size is {options.size}; expected {SIDE} to 512 px.")
