import cv2
import pytest

from mien.media import one_thread


def test_opencv_has_one_thread_inside_and_what_it_had_before_outside():
    before = cv2.getNumThreads()
    with one_thread():
        assert cv2.getNumThreads() == 1
    assert cv2.getNumThreads() == before
    with pytest.raises(ValueError, match="broken"), one_thread():
        raise ValueError("broken")
    assert cv2.getNumThreads() == before
