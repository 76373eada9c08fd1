import numpy as np
import pytest

from mien.errors import MienError
from mien.synth.head.dense import at, dense_spots, mediapipe_spots


def test_dense_points_are_spread_evenly_over_the_face(head):
    spots = at(dense_spots(head, 200), head.template)
    apart = np.linalg.norm(spots[:, None] - spots[None], axis=2) + 1e9 * np.eye(200)
    assert len(spots) == 200
    assert apart.min() > 3  # mm
    assert np.abs(spots[:, 0].mean()) < 4


def test_a_canonical_mesh_of_468_points_is_found_on_the_head(builtin, tmp_path):
    own = at(dense_spots(builtin, 468), builtin.template) / 10  # cm, as MediaPipe's
    path = tmp_path / "canonical_face_model.obj"
    path.write_text("\n".join(f"v {x:.5f} {y:.5f} {z:.5f}" for x, y, z in own))
    found = at(mediapipe_spots(builtin, path), builtin.template)
    assert np.median(np.linalg.norm(found - 10 * own, axis=1)) < 3


@pytest.mark.parametrize("text", ["", "v 1 2", "v 1 2 3\nv 4 5 6"])
def test_another_mesh_is_refused(builtin, tmp_path, text):
    path = tmp_path / "x.obj"
    path.write_text(text)
    with pytest.raises(MienError, match=r"468 corners|cannot be read"):
        mediapipe_spots(builtin, path)
