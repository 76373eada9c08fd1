import cv2
import numpy as np
import pytest

from mien.errors import ImageError
from mien.media import Limits, read_depth, read_infrared, write_image


def test_depth_is_read_in_metres_and_holes_are_nan(tmp_path):
    raw = np.array([[500, 0], [65_535, 1]], np.uint16)
    cv2.imwrite(str(tmp_path / "d.png"), raw)
    want = np.array([[0.5, np.nan], [65.535, 0.001]], np.float32)
    assert read_depth(tmp_path / "d.png") == pytest.approx(want, nan_ok=True)
    np.save(tmp_path / "d.npy", np.array([[500.0, np.nan], [-3, np.inf]]))
    nan = np.nan
    assert read_depth(tmp_path / "d.npy") == pytest.approx(
        np.array([[0.5, nan], [nan, nan]]), nan_ok=True
    )
    np.savez(tmp_path / "d.npz", depth=raw)
    assert read_depth(tmp_path / "d.npz") == pytest.approx(want, nan_ok=True)


def test_pictures_that_are_no_depth_are_refused(tmp_path):
    write_image(tmp_path / "grey.png", np.zeros((9, 9, 3), np.uint8))
    with pytest.raises(ImageError, match=r"uint8 of shape .*expected one channel of millimetres"):
        read_depth(tmp_path / "grey.png")
    np.savez(tmp_path / "other.npz", relief=np.zeros((3, 3)))
    with pytest.raises(ImageError, match="no array of NumPy, or has no 'depth'"):
        read_depth(tmp_path / "other.npz")
    np.save(tmp_path / "words.npy", np.array(["a"]))
    with pytest.raises(ImageError, match="expected one channel"):
        read_depth(tmp_path / "words.npy")
    np.save(tmp_path / "objects.npy", np.array([object()]), allow_pickle=True)
    with pytest.raises(ImageError, match="no array of NumPy"):
        read_depth(tmp_path / "objects.npy")
    (tmp_path / "cut.npy").write_bytes((tmp_path / "words.npy").read_bytes()[:20])
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    (tmp_path / "empty.png").write_bytes(b"")
    for name in ("cut.npy", "cut.png", "empty.png", "missing.png"):
        with pytest.raises(ImageError, match=name):
            read_depth(tmp_path / name)


def test_infrared_is_one_plane_and_colour_is_refused(tmp_path):
    grey = np.full((5, 7, 3), 80, np.uint8)
    grey[..., 0] += 2
    write_image(tmp_path / "ir.png", grey)
    assert (read_infrared(tmp_path / "ir.png") == 80).all()
    assert read_infrared(tmp_path / "ir.png").shape == (5, 7)
    grey[2, 3, 0] += 1
    write_image(tmp_path / "colour.png", grey)
    with pytest.raises(ImageError, match="is in colour: its channels differ by 3 grey levels"):
        read_infrared(tmp_path / "colour.png")


def test_an_archive_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(tmp_path):
    np.savez_compressed(tmp_path / "bomb.npz", depth=np.zeros((2000, 2000), np.float32))
    with pytest.raises(ImageError, match="unpacks to 16,000,128 bytes"):
        read_depth(tmp_path / "bomb.npz", limits=Limits(max_memory=10_000_000))


def test_planes_are_read_from_bytes_as_from_files(tmp_path):
    np.save(tmp_path / "d.npy", np.full((4, 5), 900.0))
    assert (read_depth((tmp_path / "d.npy").read_bytes()) == np.float32(0.9)).all()
    with pytest.raises(ImageError, match=r"^Depth of b\.bin"):
        read_depth(b"nothing", where="Depth of b.bin")
    with pytest.raises(ImageError, match="permitted"):
        read_depth(bytes(99), limits=Limits(max_bytes=10))
