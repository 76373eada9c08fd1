"""Live faces and attacks of three domains: NUAA, rendered people, and photographs that are shown.

A folder with NUAA (`nuaa`) and the Taiwanese portraits (`taiwan`) is needed for the first and the
third; rendered people need nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.contracts import Artefact
from mien.datasets import ATTEMPTS, BONA_FIDE, LABELS
from mien.detect import detect_with_retries
from mien.errors import MienError, NoFaceError
from mien.liveness import cut_square
from mien.media import read_image
from mien.synth import Actor, make_person, open_head, render
from mien.synth.data.samples import any_scene
from mien.synth.render.attacks import ATTACKS, present, recapture
from mien.systems.liveness_texture.head import SIDE, ZOOM
from mien.train.kept import rendered
from mien.types import Floats, OnStep, Pixels
from mien.zoo import DETECTOR, find, load

DOMAINS = ("nuaa", "rendered", "shown")
PEOPLE, EACH = 72, 2  # rendered people, and pictures of each of them per species
FRAME = 256  # px, side of a rendered picture
SHOWN = 10  # photographs of each actor that are shown
ZOOMS = (ZOOM, 2.0, 1.5)  # a network that sees all three cannot rely on the room alone
UNITS = ("AU6:0.5,AU12:0.7", "AU26:0.4", "AU4:0.5", "AU1:0.6,AU2:0.6")  # of the puppets
HELD = 3  # every third person of a domain is for the test


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Chips with their species; three chips of a picture follow each other."""

    chips: Pixels  # (N, 80, 80, 3)
    species: NDArray[np.str_]  # (N,) BONA_FIDE, or the attack
    person: NDArray[np.str_]  # (N,) domain and person that is shown
    domain: NDArray[np.str_]  # (N,)
    zoom: Floats  # (N,) times the box

    @property
    def live(self) -> NDArray[np.bool_]:
        """(N,) whether it is a live face."""
        return np.asarray(self.species == BONA_FIDE)

    @property
    def test(self) -> NDArray[np.bool_]:
        """(N,) whether the person is one of those that no training sees."""
        held = {
            name for d in DOMAINS for name in sorted(set(self.person[self.domain == d]))[::HELD]
        }
        return np.isin(self.person, sorted(held))

    def rows(self, keep: NDArray[np.bool_]) -> "Faces":
        """Those rows."""
        return Faces(*(getattr(self, name)[keep] for name in self.__slots__))


Shot = tuple[Pixels, str, str]  # picture, species, person


def faces(data: Path | None, out: Path, on_step: OnStep | None = None) -> Faces:
    """All chips; cut once, then read from the run folder.

    Args:
        data: folder with `nuaa` and `taiwan`; None: rendered people only.
        out: run folder.
        on_step: called after each picture of a domain.
    """
    parts = []
    for domain in DOMAINS if data else ("rendered",):
        settings = SIDE, find(DETECTOR).digest
        kept = rendered(partial(_cut, domain, data, on_step), out / f"{domain}.npz", *settings)
        parts.append(Faces(*(kept[name] for name in Faces.__slots__)))
    return Faces(*(np.concatenate([getattr(p, n) for p in parts]) for n in Faces.__slots__))


def _cut(domain: str, data: Path | None, on_step: OnStep | None) -> dict[str, NDArray[np.generic]]:
    detector = load(DETECTOR)
    chips: list[Pixels] = []
    rows: list[tuple[str, str, str, float]] = []
    for done, (image, species, person) in enumerate(_shots(domain, data), 1):
        face = detect_with_retries(detector, image, "never").largest
        if face:  # a picture without a face is a non-response
            for zoom in ZOOMS:
                chips.append(cut_square(image, face.box, zoom, SIDE))
                rows.append((species, f"{domain} {person}", domain, zoom))
        if on_step:
            on_step(domain, done, 0)
    if not rows:
        raise MienError(f"No face was found in the pictures of '{domain}'; check the folder.")
    words = np.array([row[:3] for row in rows])
    zooms = np.array([row[3] for row in rows], np.float32)
    columns = np.stack(chips), words[:, 0], words[:, 1], words[:, 2], zooms
    return dict(zip(Faces.__slots__, columns, strict=True))


def _shots(domain: str, data: Path | None) -> Iterator[Shot]:
    if domain == "rendered":
        return _rendered()
    assert data is not None
    return _nuaa(data / "nuaa") if domain == "nuaa" else _shown(data / "taiwan")


def _nuaa(folder: Path) -> Iterator[Shot]:
    for one in ATTEMPTS["nuaa"](folder):
        yield read_image(one.path), one.species, one.person


def _rendered() -> Iterator[Shot]:
    """People who do not exist, live and in four attacks."""
    head = open_head("builtin")
    for number in range(PEOPLE):
        actor = Actor(head, make_person(16_000 + number, head))
        rng = np.random.default_rng([16, number])
        for _ in range(EACH):
            for attack in (None, *ATTACKS):
                scene = any_scene(rng, FRAME, {"AU12": float(rng.uniform(0, 0.6))}, 6)
                seed = int(rng.integers(1 << 30))
                if attack is None:
                    yield render(actor, scene, truth=False).rgb, BONA_FIDE, f"{number:03d}"
                else:
                    yield present(actor, scene, attack, seed).rgb, attack, f"{number:03d}"


def _shown(folder: Path) -> Iterator[Shot]:
    """Photographs as they are, and their puppets on paper and on screens."""
    puppet = load("photo-puppet")
    rng = np.random.default_rng([16, 99])
    by_person: dict[str, list[Path]] = {}
    for one in LABELS["taiwan"](folder):
        by_person.setdefault(one.person, []).append(one.path)
    for person, paths in sorted(by_person.items()):
        for path in (paths[k] for k in np.linspace(0, len(paths) - 1, SHOWN).astype(int)):
            photo = read_image(path)
            yield photo, BONA_FIDE, person
            units = tuple(str(rng.choice(UNITS)).split(","))
            try:
                inputs = {"image": Artefact("image", image=photo, name=path.name)}
                moved = puppet(inputs, replace(puppet.options(), units=units)).artefacts[0].image
            except NoFaceError:
                continue
            for attack in ("print", "replay"):
                scene = any_scene(rng, FRAME, {}, 6)
                yield recapture(moved, scene, attack, int(rng.integers(1 << 30))), attack, person
