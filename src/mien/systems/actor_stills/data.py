"""Stills as features: real portraits of actors, and a rendered cast of 14 films."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mien.align import align
from mien.datasets import LABELS
from mien.detect import detect_with_retries
from mien.media import read_image
from mien.metrics.pictures import LUMA
from mien.synth import (
    Actor,
    Camera,
    HeadModel,
    Pose,
    Scene,
    aged,
    make_person,
    open_head,
    random_light,
    render,
)
from mien.synth.skin.appearance import BEARDS, HAIR_STYLES, BeardStyle, HairStyle
from mien.systems.actor_stills import features
from mien.systems.actor_stills.features import scene_features
from mien.train.kept import digest_of, kept_arrays, rendered
from mien.types import Floats, OnStep, Pixels
from mien.zoo import DETECTOR, EMBEDDER, load

PEOPLE = FILMS = 14
STILLS, ROLES = 574, 5  # of a cast, as many as the paper has; people in each film
SIDE = 192  # px
FIRST, LAST = 1950, 1998  # years of the films


@dataclass(frozen=True, slots=True, eq=False)
class Stills:
    """Stills with a face, as features."""

    actor: NDArray[np.str_]  # (N,)
    film: NDArray[np.str_]  # (N,)
    year: NDArray[np.int64]  # (N,) of the film; 0: not known
    age: NDArray[np.int64]  # (N,) year minus birth; -1: not known
    face: Floats  # (N, D) embeddings of the detected, aligned face
    grey: Floats  # (N, D) the same of the still without colours
    scene: Floats  # (N, 640) of the whole still


def portraits(data: Path, out: Path, on_step: OnStep | None = None) -> Stills:
    """The actors of taiwan_expressions; the method of a portrait takes the place of its film."""
    records = LABELS["taiwan"](data)

    def make() -> dict[str, NDArray[np.generic]]:
        return _features((read_image(one.path) for one in records), len(records), on_step)

    key = digest_of([one.path.name for one in records], load(EMBEDDER).digest, _code())
    kept = kept_arrays(out / "portraits.npz", key, make)
    rows = kept["row"]
    none = np.zeros(len(rows), np.int64)
    return Stills(
        np.array([records[k].person for k in rows]),
        np.array([records[k].labels.get("method", "") for k in rows]),
        none, none - 1, kept["face"], kept["grey"], kept["scene"],
    )  # fmt: skip


def cast(seed: int, out: Path, on_step: OnStep | None = None, stills: int = STILLS) -> Stills:
    """A rendered cast: 14 people in 14 films, each film with its own set, light, stock and make-up.

    Args:
        seed: of people, films and stills.
        out: run folder, which keeps the features.
        on_step: called after each still.
        stills: number of stills.
    """
    plan = list(_plan(seed, stills))

    def make() -> dict[str, NDArray[np.generic]]:
        return _features(_rendered(plan, seed), len(plan), on_step)

    settings = seed, stills, load(EMBEDDER).digest, Path(features.__file__)
    kept = rendered(make, out / f"cast-{seed}.npz", *settings)
    rows = [plan[k] for k in kept["row"]]
    return Stills(
        np.array([f"actor {one.person:02d}" for one in rows]),
        np.array([f"film {one.film:02d}" for one in rows]),
        np.array([one.year for one in rows]), np.array([one.age for one in rows]),
        kept["face"], kept["grey"], kept["scene"],
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Still:
    """One still of a cast."""

    person: int
    film: int
    number: int  # within the cast
    year: int
    age: int


def _plan(seed: int, stills: int) -> Iterator[Still]:
    rng = np.random.default_rng([seed, 211])
    years = np.sort(rng.integers(FIRST, LAST + 1, FILMS))
    births = rng.integers(FIRST - 30, FIRST - 18, PEOPLE)
    roles = [(film, (3 * film + 5 * k) % PEOPLE) for film in range(FILMS) for k in range(ROLES)]
    roles.sort(key=lambda one: (one[1], one[0]))  # an actor is prepared once for each role
    for number in range(stills):
        film, person = roles[number * len(roles) // stills]
        year = int(years[film])
        yield Still(person, film, number, year, year - int(births[person]))


def _rendered(plan: list[Still], seed: int) -> Iterator[Pixels]:
    head = open_head("builtin")
    prepared: tuple[int, int] | None = None
    for one in plan:
        if prepared != (one.person, one.film):
            actor, prepared = _role(head, one, seed), (one.person, one.film)
        yield _shot(actor, one, seed)


def _role(head: HeadModel, one: Still, seed: int) -> Actor:
    """A person in the costume, hair, beard and make-up of a film, at the age of its year."""
    rng = np.random.default_rng([seed, one.person, one.film, 223])
    person = make_person(7000 + 100 * seed + one.person, head)
    usual = person.appearance
    hair: HairStyle = usual.hair_style
    if rng.random() < 0.5:
        hair = HAIR_STYLES[int(rng.integers(len(HAIR_STYLES)))]
    beard: BeardStyle = usual.beard
    if beard != "none" and rng.random() < 0.6:
        beard = BEARDS[int(rng.integers(len(BEARDS)))]
    paint = float(rng.uniform(0, 0.9)) if rng.random() < 0.5 else usual.make_up
    red, green, blue = np.random.default_rng([seed, one.film, 227]).uniform(0.02, 0.5, 3)
    changed = replace(
        usual, hair_style=hair, beard=beard, make_up=paint, glasses="none",
        clothes=(float(red), float(green), float(blue)),
    )  # fmt: skip
    return Actor(head, aged(replace(person, appearance=changed), one.age))


def _shot(actor: Actor, one: Still, seed: int) -> Pixels:
    """A still: pose and expression of its own; set, light and stock are those of the film."""
    film = np.random.default_rng([seed, one.film, 229])
    light, backdrop = random_light(film), int(film.integers(1 << 30))
    white = tuple(float(v) for v in np.exp(film.normal(0, 0.12, 3)))
    grey = one.film % 2 == 0
    rng = np.random.default_rng([seed, one.number, 233])
    yaw, pitch, roll = (float(v) for v in rng.normal(0, (14, 6, 5)))
    scene = Scene(
        {"AU12": float(rng.uniform(0, 0.8)), "AU26": float(rng.uniform(0, 0.3))},
        Pose(float(np.clip(yaw, -40, 40)), float(np.clip(pitch, -18, 18)), roll),
        Camera(SIDE, SIDE, distance=float(rng.uniform(650, 950))),
        light, backdrop, float(np.exp(rng.normal(0, 0.12))), white=white,  # type: ignore[arg-type]
        noise=float(film.uniform(1, 4)), defocus=float(film.uniform(0, 0.8)), seed=one.number,
    )  # fmt: skip
    image = render(actor, scene, truth=False).rgb
    return without_colour(image) if grey else image


def without_colour(image: Pixels) -> Pixels:
    """The luma of an image in all three channels."""
    grey = np.rint(image @ LUMA).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _features(
    images: Iterator[Pixels], count: int, on_step: OnStep | None
) -> dict[str, NDArray[np.generic]]:
    """Embeddings of detected faces, and features of whole stills; stills without face are left."""
    detector, embedder = load(DETECTOR), load(EMBEDDER)
    chips: dict[str, list[Pixels]] = {"face": [], "grey": []}
    scenes, rows = [], []
    for number, image in enumerate(images):
        face = detect_with_retries(detector, image, "when-needed").largest
        if face:
            chip = np.asarray(align(image, [face], embedder.crop)[0], np.uint8)
            chips["face"].append(chip)
            chips["grey"].append(without_colour(chip))
            scenes.append(scene_features(image))
            rows.append(number)
        if on_step:
            on_step("stills", number + 1, count)
    vectors = {name: np.asarray(embedder(np.stack(part))) for name, part in chips.items()}
    return {**vectors, "scene": np.stack(scenes), "row": np.array(rows)}


def _code() -> str:
    """Digest of the code that makes stills and features, not of what is done with them."""
    return digest_of(Path(__file__), Path(features.__file__))
