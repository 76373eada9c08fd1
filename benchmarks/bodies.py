"""Measure whether our readers of bodies and hands accept rendered figures, and their errors.

Each picture is a scene of `mien synth group --kind gestures` with one person. The truth is the
skeleton of the figure. Errors of a body are in widths of the shoulders, over joints that are in
the picture; those of the higher hand in lengths of its palm. Rendered figures are capsules, so
these are no figures of accuracy on people.

Example: python benchmarks/bodies.py --scenes 40
"""

import argparse

import numpy as np

from mien.metrics import wilson
from mien.synth import HeadModel, open_head
from mien.synth.data.groups import moment, random_group
from mien.synth.render.group import Shown, render_group
from mien.types import Pixels
from mien.zoo import load

SEED = 500
PARTS = {"head": slice(0, 11), "arms": slice(11, 17), "hips": slice(23, 25)}


def scene(head: HeadModel, seed: int) -> tuple[Pixels, Shown, str]:
    """A picture, the truth of its person, and the gesture."""
    group = random_group(seed, 1, "gestures")
    frame = render_group(moment(group, group.cast(head)), group.setting)
    return frame.rgb, frame.people[0], group.roles[0].action


def main() -> None:
    """Render, find and print."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--scenes", type=int, default=40)
    asked = words.parse_args()
    head, bodies, hands = open_head("builtin"), load("body-landmarks"), load("hand-landmarks")
    errors, palms, kinds = [], [], []
    for seed in range(SEED, SEED + asked.scenes):
        image, one, kind = scene(head, seed)
        wide = np.linalg.norm(one.body[11, :2] - one.body[12, :2])
        for body in bodies.find(image)[:1]:
            away = np.linalg.norm(body.points[:, :2] - one.body[:, :2], axis=1) / wide
            errors.append(np.where(one.body_seen, away, np.nan))
        true = one.hands[int(one.hands[:, 0, 1].argmin()), :, :2]
        palm = np.linalg.norm(true[9] - true[0])
        apart = [np.linalg.norm(hand.points[:, :2] - true, axis=1).mean() / palm
                 for hand in hands.find(image)]  # fmt: skip
        kinds.append(kind)
        palms.append(min(apart, default=np.inf))
    body, near = np.array(errors), np.array(palms)
    found = near < 1
    for name, count in (("bodies", len(errors)), ("higher hands", int(found.sum()))):
        low, high = wilson(count, asked.scenes)
        print(f"{name:14}{count} of {asked.scenes} found ({low:.2f} to {high:.2f})")
    print(f"joints        median error {np.nanmedian(body):.3f} shoulder widths")
    for name, rows in PARTS.items():
        print(f"  {name:12}{np.nanmedian(body[:, rows]):.3f}")
    print(f"hands         median error {np.median(near[found]):.3f} palm lengths")
    for kind in sorted(set(kinds)):
        mine = found[np.array(kinds) == kind]
        print(f"  {kind:12}{mine.sum()} of {len(mine)} found")


if __name__ == "__main__":
    main()
