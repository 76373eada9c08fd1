"""Our readers of bodies and hands accept a rendered figure, and find its joints."""

import numpy as np
import pytest

from mien.synth import open_head
from mien.synth.data.groups import moment, random_group
from mien.synth.render.group import render_group
from mien.zoo import load


@pytest.mark.slow
@pytest.mark.weights
def test_a_figure_that_waves_is_found_with_its_joints_and_fingers():
    group = random_group(500, 1, "gestures")  # the first scene of benchmarks/bodies.py
    frame = render_group(moment(group, group.cast(open_head("builtin"))), group.setting)
    one = frame.people[0]
    [body] = load("body-landmarks").find(frame.rgb)
    wide = np.linalg.norm(one.body[11, :2] - one.body[12, :2])
    away = np.linalg.norm(body.points[:, :2] - one.body[:, :2], axis=1) / wide
    assert np.median(away[one.body_seen]) < 0.12
    true = one.hands[int(one.hands[:, 0, 1].argmin()), :, :2]
    palm = np.linalg.norm(true[9] - true[0])
    hands = load("hand-landmarks").find(frame.rgb)
    assert min(np.linalg.norm(h.points[:, :2] - true, axis=1).mean() for h in hands) < 0.2 * palm
