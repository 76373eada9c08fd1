import os
import pickle
import sys
import types

import h5py
import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import csc_matrix

from mien.errors import MienError
from mien.synth import Actor, Scene, make_person, render
from mien.synth.head.bfm import import_bfm
from mien.synth.head.flame import import_flame
from mien.synth.head.ict import CORNERS, import_ict
from mien.synth.head.model import SKIN, moved
from mien.synth.head.unpickling import read_pickled
from mien.synth.motion.controls import SHAPES
from mien.synth.skin.accessories import sheet


@pytest.fixture(scope="module")
def face(builtin):
    """Skin of the built-in head with its own triangles: a face of somebody else's mesh."""
    cells = builtin.triangles[builtin.part == SKIN]
    used, number = np.unique(cells, return_inverse=True)
    points = builtin.template[used].astype(np.float64)
    return points * [1.04, 0.97, 1.0], number.reshape(-1, 3).astype(np.int64)


class Ch:
    """Stands for chumpy.ch.Ch while a test file is written."""

    def __init__(self, x):
        self.x = x

    def __getstate__(self):
        return {"x": self.x, "dterms": ()}


@pytest.fixture
def chumpy(monkeypatch):
    module = types.ModuleType("chumpy.ch")
    module.Ch = Ch
    monkeypatch.setattr(Ch, "__module__", "chumpy.ch")
    monkeypatch.setitem(sys.modules, "chumpy", types.ModuleType("chumpy"))
    monkeypatch.setitem(sys.modules, "chumpy.ch", module)


def flame_file(path, face):
    """A file with the layout of FLAME's generic_model.pkl."""
    points, cells = face
    t, p = np.meshgrid(np.linspace(0, np.pi, 8), np.linspace(0, 6, 10), indexing="ij")
    ball = 13 * np.stack([np.sin(t) * np.cos(p), np.cos(t), np.sin(t) * np.sin(p)], -1)
    flat, around = sheet(ball)
    eyes = [flat + np.array([s * 31, -2, 57]) for s in (1, -1)]
    rest = np.concatenate([points, *eyes]) / 1000
    count, n, e = len(rest), len(points), len(flat)
    cells = np.concatenate([cells, around + n, around + n + e])
    weights = np.zeros((count, 5))
    weights[:n, 1] = 1
    low = (points[:, 1] < -69) & (points[:, 2] > 20)
    weights[:n][low] = [0, 0, 1, 0, 0]
    weights[n : n + e, 3] = weights[n + e :, 4] = 1
    regressor = np.zeros((5, count))
    regressor[2, np.argmin(np.linalg.norm(points - [0, -20, 5], axis=1))] = 1
    regressor[3, n : n + e], regressor[4, n + e :] = 1 / e, 1 / e
    rng = np.random.default_rng(0)
    data = {
        "v_template": rest,
        "shapedirs": Ch(rng.normal(0, 1e-3, (count, 3, 12))),
        "posedirs": np.zeros((count, 3, 36)),
        "J_regressor": csc_matrix(regressor),
        "kintree_table": np.array([[-1, 0, 1, 1, 1], [0, 1, 2, 3, 4]]),
        "weights": weights,
        "f": cells.astype(np.uint32),
    }
    path.write_bytes(pickle.dumps(data, protocol=2))
    return path


def test_flame_is_read_without_chumpy(tmp_path, face, builtin, chumpy, monkeypatch):
    path = flame_file(tmp_path / "flame.pkl", face)
    for name in ("chumpy", "chumpy.ch"):
        monkeypatch.delitem(sys.modules, name)
    head = import_flame(path, "CC-BY-4.0", modes=10)
    assert head.licence == "CC-BY-4.0"
    assert head.identity.shape[0] == 10
    assert set(head.expression) == set(SHAPES)
    assert head.eyes[1, 0] == pytest.approx(31, abs=0.5)
    assert head.eyes[:, 3] == pytest.approx([13, 13], abs=0.5)
    down = head.expression["jawOpen"][:, 1]
    assert down.min() < -20
    used = np.unique(builtin.triangles[builtin.part == SKIN])
    front = builtin.template[used][:, 2] > 60
    off = np.linalg.norm(head.canonical[: len(used)] - builtin.canonical[used], axis=1)
    assert np.median(off[front]) < 2.5  # it is that face, stretched


@pytest.mark.slow
def test_an_imported_face_can_be_drawn(tmp_path, face, chumpy):
    head = import_flame(flame_file(tmp_path / "flame.pkl", face), "CC-BY-4.0")
    frame = render(Actor(head, make_person(1, head)), Scene())
    assert frame.face_visible
    assert frame.lm68[30, 1] > frame.lm68[27, 1]


class Hostile:
    def __reduce__(self):
        return os.system, (f"touch /tmp/mien-was-here-{os.getpid()}",)


@pytest.mark.parametrize("inner", [Hostile(), {"v_template": Hostile()}, [Hostile()]])
def test_a_hostile_pickle_is_refused_and_nothing_runs(tmp_path, inner):
    path = tmp_path / "bad.pkl"
    path.write_bytes(pickle.dumps({"v_template": inner}))
    mark = f"/tmp/mien-was-here-{os.getpid()}"
    with pytest.raises(MienError, match=r"asks for \w+\.system.*none of its code was run"):
        import_flame(path, "x")
    assert not os.path.exists(mark)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x02}q",
        pickle.dumps([1]),
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cnumpy\ndtype\n(S'O'\ntR.",
        pickle.dumps({"v_template": np.zeros(3)}),
    ],
)
def test_what_is_no_flame_file_is_told(tmp_path, data):
    path = tmp_path / "x.pkl"
    path.write_bytes(data)
    with pytest.raises(MienError, match=r"cannot be read as a pickled model|is not a FLAME"):
        import_flame(path, "x")


def test_objects_in_a_pickled_array_cannot_bring_code(tmp_path):
    path = tmp_path / "objects.pkl"
    path.write_bytes(pickle.dumps({"a": np.array([Hostile()], object)}))
    with pytest.raises(MienError, match="none of its code was run"):
        read_pickled(path)


def test_a_licence_must_be_stated(tmp_path):
    with pytest.raises(MienError, match="licence"):
        import_flame(tmp_path / "x.pkl", " ")
    with pytest.raises(MienError, match="licence"):
        import_bfm(tmp_path / "x.mat", "")


def bfm_2009(path, face):
    points, cells = face
    rng = np.random.default_rng(0)
    savemat(path, {
        "shapeMU": (points * 1000).reshape(-1, 1).astype(np.float32),
        "shapePC": rng.normal(0, 1e-3, (points.size, 6)).astype(np.float32),
        "shapeEV": np.full((6, 1), 500_000.0),
        "tl": cells[:, [0, 2, 1]] + 1,
    })  # fmt: skip


def bfm_2017(path, face):
    points, cells = face
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        file["shape/model/mean"] = points.ravel()
        file["shape/model/pcaBasis"] = rng.normal(0, 1e-3, (points.size, 6))
        file["shape/model/pcaVariance"] = np.full(6, 500.0**2)
        file["shape/representer/cells"] = cells.T.astype(np.int32)


@pytest.mark.parametrize(("write", "name"), [(bfm_2009, "x.mat"), (bfm_2017, "x.h5")])
def test_both_layouts_of_bfm_give_the_same_head(tmp_path, face, write, name):
    write(tmp_path / name, face)
    head = import_bfm(tmp_path / name, "BFM")
    assert head.identity.shape[0] == 6
    assert head.identity.std() == pytest.approx(0.5, rel=0.1)  # 500 sigma of 1e-3, in mm
    smile = moved(head, head.template, {"mouthSmile_L": 1.0, "mouthSmile_R": 1.0})
    assert np.abs(smile - head.template).max() > 4
    assert np.ptp(head.template[:, 1]) == pytest.approx(np.ptp(face[0][:, 1]), rel=1e-3)


@pytest.mark.parametrize("name", ["x.mat", "x.h5"])
def test_a_damaged_bfm_is_told(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"MATLAB 5.0 MAT-file" if name.endswith("mat") else b"\x89HDF\r\n\x1a\n")
    with pytest.raises(MienError, match="cannot be read as BFM"):
        import_bfm(path, "BFM")


def test_a_mesh_that_looks_elsewhere_is_told(tmp_path, face):
    points, cells = face
    bfm_2009(tmp_path / "x.mat", (points[:, [2, 1, 0]] * [1, -1, 0.2], cells))
    with pytest.raises(MienError, match="in direction z"):
        import_bfm(tmp_path / "x.mat", "BFM")


@pytest.mark.realdata
def test_ict_is_read_from_its_original_files_as_from_the_arrays(tmp_path, data):
    from mien.synth.head.ict import _from_npz

    arrays = _from_npz(data / "ict_facekit.npz")
    neutral = arrays["neutral"]
    write_obj(tmp_path / "generic_neutral_mesh.obj", neutral, arrays["quads"])
    write_obj(tmp_path / "identity000.obj", neutral + arrays["identity"][0])
    flat = write_obj(tmp_path / "flat.obj", neutral)
    for name, delta in zip(arrays["expression_names"], arrays["expression"], strict=True):
        if name == "jawOpen":
            write_obj(tmp_path / f"{name}.obj", neutral + delta)
        else:
            os.link(flat, tmp_path / f"{name}.obj")
    spots = arrays["landmarks68"].tolist()
    (tmp_path / "vertex_indices.json").write_text(f'{{"idx_to_landmark_verts": {spots}}}')
    one, other = import_ict(tmp_path), import_ict(data / "ict_facekit.npz", modes=1)
    assert np.abs(one.template - other.template).max() < 0.01
    assert np.array_equal(one.triangles, other.triangles)
    assert np.abs(one.identity - other.identity).max() < 0.02
    assert np.abs(one.expression["jawOpen"] - other.expression["jawOpen"]).max() < 0.05


def write_obj(path, points, quads=()):
    lines = [f"v {x:.5f} {y:.5f} {z:.5f}" for x, y, z in points]
    lines += ["f " + " ".join(f"{v + 1}/{v + 1}" for v in q if v >= 0) for q in quads]
    path.write_text("\n".join(lines))
    return path


def test_what_is_no_ict_is_told(tmp_path):
    with pytest.raises(MienError, match="generic_neutral_mesh"):
        import_ict(tmp_path)
    np.savez(tmp_path / "x.npz", neutral=np.zeros((5, 3)))
    with pytest.raises(MienError, match="lacks"):
        import_ict(tmp_path / "x.npz")
    (tmp_path / "y.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(MienError, match="cannot be read as ICT"):
        import_ict(tmp_path / "y.npz")
    write_obj(tmp_path / "generic_neutral_mesh.obj", np.zeros((9, 3)))
    with pytest.raises(MienError, match=f"has 9 corners, ICT-FaceKit has {CORNERS}"):
        import_ict(tmp_path)
