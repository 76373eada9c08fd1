"""A toy world: faces are coloured squares on black, and a person is a colour."""

import av
import numpy as np
import pytest

from mien.behaviour import OcclusionMonitor
from mien.decision import Calibration, Evidence, Point
from mien.landmarks import MeshTracker
from mien.photo import Pipeline
from mien.testing import TOY_DEVICE
from mien.types import Crop, Face, Reading

CONTRACT = "toy/1/3"
COLOURS = {"Ada": [250, 30, 30], "Bob": [30, 250, 30], "Cyd": [30, 30, 250]}


class Squares:
    """Finds squares of at least 8 px that are not black, largest first."""

    name, digest, device = "squares", "", TOY_DEVICE

    def __call__(self, image):
        faces = []
        flat = image.reshape(-1, 3)
        colours, counts = np.unique(flat[flat.max(1) > 10], axis=0, return_counts=True)
        for colour in colours[counts >= 64]:
            rows, columns = np.nonzero((image == colour).all(axis=2))
            left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
            box = np.float32([left, top, right, bottom])
            inside = np.float32([[0.3, 0.3], [0.7, 0.3], [0.5, 0.5], [0.35, 0.7], [0.65, 0.7]])
            points = box[:2] + inside * (box[2:] - box[:2])
            faces.append(Face(box, 0.9, points, detector=self.name))
        return sorted(faces, key=lambda face: -float(face.box[2] - face.box[0]))


class Colours:
    """Embeds the mean colour of the middle of a chip."""

    name, contract, crop = "colours", CONTRACT, Crop(size=16)
    digest, device = "", TOY_DEVICE

    def __call__(self, chips):
        means = chips[:, 6:10, 6:10].reshape(len(chips), -1, 3).mean(1).astype(np.float32) + 1
        return means / np.linalg.norm(means, axis=1, keepdims=True)


FIVE = np.array([[10, 12], [22, 12], [16, 18], [12, 24], [20, 24]], np.float32)  # of 32 px


class AllButBlack:
    """Sees a face in every image of 32 px that is not black."""

    name, digest, device = "finder", "", TOY_DEVICE

    def __call__(self, image):
        box = np.array([4, 4, 28, 28], np.float32)
        return [Face(box, 0.9, FIVE, detector=self.name)] if image.any() else []


class MeanColours:
    """Embeds the mean colour, from grey in the middle."""

    name, contract, crop = "colours", "colours/1/3", Crop(size=8)
    digest, device = "", TOY_DEVICE

    def __call__(self, chips):
        means = chips.reshape(len(chips), -1, 3).mean(1).astype(np.float32) - 127.5
        return means / np.linalg.norm(means, axis=1, keepdims=True)


TOY = Calibration(
    name="toy",
    contract=CONTRACT,
    detector="squares",
    data="three colours",
    people=3,
    genuine=3,
    impostors=30_000_000,
    points=(Point(0.1, 0.5, 0.4, 0.6), Point(1e-6, 0.9, 0.8, 0.95)),
    evidence=(Evidence(1, -4.0), Evidence(6, 4.0)),
    slope=20.0,
    intercept=-14.0,
    check=None,
    command="none",
)


@pytest.fixture
def toy_pipeline():
    return Pipeline(detector=Squares(), embedder=Colours(), calibration=TOY)


@pytest.fixture
def portrait():
    """Return make(*names, side=60): a picture with a square for each person."""

    def make(*names, side=60, colours=COLOURS):
        image = np.zeros((100, 120 * max(1, len(names)), 3), np.uint8)
        for i, name in enumerate(names):
            image[20 : 20 + side, 120 * i + 20 : 120 * i + 20 + side] = colours[name]
        return image

    return make


@pytest.fixture
def scene():
    """Return make(places, size): a picture with a square of a person's colour at each place."""

    def make(places, size=(160, 260), side=48, ground=0):
        image = np.full((*size, 3), ground, np.uint8)
        for name, (x, y) in places.items():
            image[round(y) : round(y) + side, round(x) : round(x) + side] = COLOURS[name[:3]]
        return image

    return make


@pytest.fixture
def film(tmp_path):
    """Return make(pictures, rate) -> a film whose pixels are exactly those of the pictures."""

    def make(pictures, rate=20, name="film.mkv"):
        with av.open(str(tmp_path / name), "w") as container:
            stream = container.add_stream("ffv1", rate=rate)
            stream.height, stream.width = pictures[0].shape[:2]
            stream.pix_fmt = "bgr0"
            for picture in pictures:
                frame = av.VideoFrame.from_ndarray(picture, "rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return tmp_path / name

    return make


class OcclusionTracking:
    """A mesh tracker and an occlusion monitor in a row, as films use them."""

    def __init__(self, detector, landmarker, hands=None):
        self.tracker = MeshTracker(detector, landmarker)
        self.monitor = OcclusionMonitor(hands)

    def __call__(self, image, time):
        return self.monitor(image, time, self.tracker(image, time))

    def state(self):
        return {"tracker": self.tracker.state(), "monitor": self.monitor.state()}

    def resume(self, state):
        self.tracker.resume(state["tracker"])
        self.monitor.resume(state["monitor"])


class Reds:
    """Takes red faces for live, green ones for attacks, and has no answer about blue ones."""

    name, digest, device = "reds", "0123", TOY_DEVICE
    needs = frozenset({"frames"})

    def __init__(self):
        self.points = {"bpcer5": 0.5, "strict": 0.95}

    def __call__(self, clip):
        scores = []
        for image, box in zip(clip.frames, clip.boxes, strict=True):
            left, top, right, bottom = box.astype(int)
            red, green, blue = image[(top + bottom) // 2, (left + right) // 2]
            if blue > max(red, green):
                return [Reading("liveness", {}, "probability", self.name, text="blue")]
            scores.append(0.9 if red > green else 0.1)
        return [Reading("liveness", {"live": float(np.mean(scores))}, "probability", self.name)]


NEW = "toy-new/1/3"  # contract id of a model that a gallery may change to


class Mirrored(Colours):
    """The new model: the colours in another order; it confuses nobody."""

    name, contract = "mirrored", NEW

    def __call__(self, chips):
        return super().__call__(chips[..., ::-1])


class Blind(Mirrored):
    """A new model that embeds all faces alike: everybody is everybody."""

    def __call__(self, chips):
        return super().__call__(np.zeros_like(chips))
