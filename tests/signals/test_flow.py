import cv2
import numpy as np
import pytest

from mien.errors import MienError
from mien.signals import dense_flow, optical_strain, still_motion


def texture(size=128):
    rng = np.random.default_rng(1)
    rough = cv2.GaussianBlur(rng.uniform(0, 255, (size, size)).astype(np.float32), (0, 0), 2)
    return cv2.normalize(rough, None, 0, 255, cv2.NORM_MINMAX)


def warped(image, flow):
    """Image whose content moved by a smooth flow (taken at the target, so small flows only)."""
    y, x = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float32)
    return cv2.remap(image, x - flow[..., 0], y - flow[..., 1], cv2.INTER_CUBIC,
                     borderMode=cv2.BORDER_REFLECT)  # fmt: skip


@pytest.mark.parametrize("move", [(1.0, 0.0), (0.0, -0.7), (1.5, 2.0)])
def test_a_shift_is_found_with_its_sign(move):
    image = texture()
    after = warped(image, np.full((128, 128, 2), move, np.float32))
    found = dense_flow(image.astype(np.uint8), np.clip(after, 0, 255).astype(np.uint8))
    error = np.linalg.norm(found - np.array(move), axis=-1)[12:-12, 12:-12]
    assert error.mean() < 0.1


def test_equal_images_do_not_move():
    image = texture().astype(np.uint8)
    assert np.abs(dense_flow(image, image)).max() < 0.05


def test_strain_of_a_stretch_a_turn_and_a_shift():
    y, x = np.mgrid[:20, :20].astype(np.float32)
    assert np.allclose(optical_strain(np.stack([0.1 * x, 0.2 * y], -1)), np.hypot(0.1, 0.2))
    assert np.allclose(optical_strain(np.stack([0.2 * y, 0 * y], -1)), 0.2 / np.sqrt(2))
    assert np.allclose(optical_strain(np.stack([-0.1 * y, 0.1 * x], -1)), 0, atol=1e-6)
    assert optical_strain(np.ones((3, 20, 20, 2), np.float32)).shape == (3, 20, 20)


def test_the_motion_of_the_head_is_taken_from_the_still_part_alone():
    y, x = np.mgrid[:64, :64].astype(np.float32)
    head = np.stack([0.02 * x - 0.01 * y + 1, 0.03 * x - 2], -1)
    face = head.copy()
    face[40:60, 10:50] += 1.5
    still = np.zeros((64, 64), bool)
    still[20:36, 24:40] = True
    assert np.abs(face - still_motion(face, still) - (face - head)).max() < 1e-4


def test_refuses_what_has_no_flow():
    grey = np.zeros((32, 32), np.uint8)
    for pair in ((grey, grey[:30]), (grey[..., None], grey[..., None]), (grey * 1.0, grey * 1.0)):
        with pytest.raises(MienError, match="two grey uint8 images of one size"):
            dense_flow(*pair)
    with pytest.raises(MienError, match="16 px per side"):
        dense_flow(grey[:8], grey[:8])
    with pytest.raises(MienError, match="3 still px"):
        still_motion(np.zeros((9, 9, 2), np.float32), np.zeros((9, 9), bool))


def test_tvl1_is_used_or_refused_by_name():
    image = texture().astype(np.uint8)
    if hasattr(cv2, "optflow"):
        assert np.abs(dense_flow(image, image, method="tvl1")).max() < 0.05
    else:
        with pytest.raises(MienError, match="no TV-L1 flow"):
            dense_flow(image, image, method="tvl1")


def test_follows_the_exact_flow_of_a_rendered_smile():
    from mien.synth import Actor, make_person, open_head, render
    from mien.synth.head.geometry_checks import small_step
    from mien.synth.render.flow import flow

    head = open_head("builtin")
    actor = Actor(head, make_person(3, head))
    scenes = small_step()
    exact = flow(actor, *scenes)
    images = [cv2.cvtColor(render(actor, s).rgb, cv2.COLOR_RGB2GRAY) for s in scenes]
    found = dense_flow(*images)
    face = exact.valid & (np.linalg.norm(exact.whole, axis=-1) > 0.2)
    error = np.linalg.norm(found - exact.whole, axis=-1)[face].mean()
    still = np.linalg.norm(exact.whole, axis=-1)[face].mean()  # the error of "nothing moved"
    assert error < 0.4 * still
