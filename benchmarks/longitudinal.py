"""Test the longitudinal evaluation with planted effects: rendered people who return.

People of mien.synth return for visits over two and a half years. Each visit shifts light, white
balance, camera distance and a day-long expression; slow ageing of shape and skin sets the drift.
The default pipeline compares every capture with the first visit, and `mien eval longitudinal`
splits the scores. Promised: without the shifts of visits the day effect falls by 60 % or more;
with fourfold ageing the drift at least doubles. Synthetic: the results do not apply to real people.
"""

import argparse
import shutil
from pathlib import Path

import numpy as np

from mien.evaluate.longitudinal.longitudinal_records import compared_over_time, dated_pictures
from mien.evaluate.longitudinal.scales import Scales, scales_of
from mien.evaluate.verification.vectors import embed_pictures
from mien.media import write_image
from mien.metrics.longitudinal import visits_of
from mien.photo import open_pipeline
from mien.synth import (
    Actor,
    Camera,
    Pose,
    Scene,
    aged,
    emotion,
    make_person,
    open_head,
    random_light,
    render,
)

YEARS = 2.5
MOODS = ("joy", "sadness", "surprise")


def visit(
    folder: Path, actor: Actor, random: np.random.Generator, shift: float, captures: int
) -> None:
    """The images of one day, with common random effects."""
    folder.mkdir(parents=True)
    light = random_light(random)
    plain = random_light(np.random.default_rng(0))
    white = tuple((1 + shift * random.normal(0, 0.06, 3)).tolist())
    distance = 700 + shift * float(random.uniform(-120, 160))
    mood = emotion(MOODS[int(random.integers(3))], shift * float(random.uniform(0, 0.6)))
    for k in range(captures):
        scene = Scene(
            weights=mood,
            pose=Pose(*random.normal(0, (4, 3, 2)).tolist()),
            camera=Camera(200, 200, distance=distance),
            light=light if shift else plain,
            white=white,
            exposure=float(1 + 0.05 * random.normal()),
            noise=2.0,
            background=1,
            seed=int(random.integers(1 << 20)),
            cast=False,
        )
        write_image(folder / f"{k:02d}.png", render(actor, scene, truth=False).rgb)


def draw(root: Path, people: int, visits: int, captures: int, shift: float, ageing: float) -> None:
    """Draw all people's images of one condition; existing people are kept."""
    head = open_head("builtin")
    for number in range(people):
        place = root / f"s{number:02d}"
        if place.exists():
            continue
        part = place.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)  # left by a killed run
        random = np.random.default_rng([number, 5])
        person = make_person(number, head)
        for day in range(visits):
            years = day * YEARS / (visits - 1)
            actor = Actor(head, aged(person, min(90.0, person.appearance.age + ageing * years)))
            date = np.datetime64("2020-01-01") + np.timedelta64(round(365.25 * years), "D")
            visit(part / str(date), actor, random, shift, captures)
        part.rename(place)


def measured(root: Path) -> Scales:
    """The components of the scores of one condition, with the default pipeline."""
    dated = dated_pictures(root)
    found, _ = embed_pictures([d.picture for d in dated], open_pipeline())
    captures, failed = compared_over_time(dated, found, "default")
    rows = [c for c in captures if c.same]
    who = np.unique([c.subject for c in rows], return_inverse=True)[1]
    columns = (np.array([getattr(c, key) for c in rows]) for key in ("day", "years", "score"))
    print(f"{root.name}: {len(rows)} scores, {failed} captures without a face")
    return scales_of(visits_of(who, *columns), resamples=400)


def main() -> None:
    """Draw missing images, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="cache of the images")
    parser.add_argument("--people", type=int, default=40)
    parser.add_argument("--visits", type=int, default=12)
    parser.add_argument("--captures", type=int, default=2)
    parser.add_argument("--ageing", type=float, default=3.0, help="years of age per year")
    args = parser.parse_args()
    results = {}
    for name, shift, ageing in (("base", 1.0, 1.0), ("no-shifts", 0.0, 1.0), ("ageing", 1.0, 4.0)):
        root = args.folder / name
        draw(root, args.people, args.visits, args.captures, shift, ageing * args.ageing)
        results[name] = one = measured(root)
        c = one.components
        print(f"{name:10} s_day {c.day:.4f}, s_cap {c.capture:.4f}, drift {c.drift:+.4f} a year "
              f"(error {c.drift_error:.4f}), verdict {one.verdict}")  # fmt: skip
    fall = 1 - results["no-shifts"].components.day / results["base"].components.day
    rise = abs(results["ageing"].components.drift) / abs(results["base"].components.drift)
    print(f"without shifts s_day falls by {fall:.0%} (promised 60 % or more)")
    print(f"fourfold ageing makes the drift {rise:.1f} times as large (promised 2 or more)")


if __name__ == "__main__":
    main()
