import numpy as np
import pytest

from mien.errors import MienError
from mien.evaluate.attributes.explain import explain
from mien.media import heat, heat_scale
from mien.testing import TOY_DEVICE, noise
from mien.types import Crop, Reading


class Corner:
    """How bright the corner at the top left is, and how dark the one at the bottom right."""

    crop = Crop(size=40)
    name, digest, device = "toy", "", TOY_DEVICE

    def __call__(self, chips):
        top = chips[:, :12, :12].reshape(len(chips), -1).mean(1) / 255
        low = chips[:, -12:, -12:].reshape(len(chips), -1).mean(1) / 255
        return [
            Reading("x", {"sum": float(a - b), "other": -1.0}, "share", "corner")
            for a, b in zip(top, low, strict=True)
        ]


def chip():
    image = np.full((40, 40, 3), 100, np.uint8)
    image[:12, :12] = image[-12:, -12:] = 250
    return image


@pytest.mark.parametrize("way", ["occlusion", "rise"])
def test_only_what_the_head_looks_at_is_marked_and_with_the_right_sign(way):
    found = explain(Corner(), chip(), way=way)
    assert found.label == "sum"
    assert found.value == pytest.approx(0, abs=1e-6)
    top, low = found.map[2:10, 2:10].mean(), found.map[-10:-2, -10:-2].mean()
    elsewhere = np.abs(found.map[2:12, -12:-2]).mean()
    assert top > 5 * elsewhere
    assert low < -5 * elsewhere
    again = explain(Corner(), chip(), way=way)
    assert np.array_equal(again.map, found.map)


class Smile:
    """Sure of a smile by the mouth, with an offset; the middle of the mouth acts both ways."""

    crop = Crop(size=40)
    name, digest, device = "toy", "", TOY_DEVICE
    gain, against = 0.06, 0.0

    def __call__(self, chips):
        mouth = chips[:, 24:36, 6:34].reshape(len(chips), -1).mean(1)
        middle = chips[:, 27:33, 17:23].reshape(len(chips), -1).mean(1)
        rest = chips[:, :20].reshape(len(chips), -1).std(1)
        # The middle counts against the smile as long as the rest of the face is visible.
        logits = self.gain * mouth - self.against * middle * rest - 1
        sure = 1 / (1 + np.exp(-logits))
        return [Reading("x", {"smile": float(p), "no": float(1 - p)}, "probability", "m")
                for p in sure]  # fmt: skip


def smiling():
    image = np.full((40, 40, 3), 20, np.uint8)
    image[24:36, 6:34] = 240
    image[:20:4] = 90  # so that the upper half has structure
    return image


@pytest.mark.parametrize("way", ["occlusion", "rise"])
def test_a_saturated_probability_is_explained_in_log_odds(way):
    found = explain(Smile(), smiling(), way=way)
    assert (found.label, found.unit) == ("smile", "logits")
    assert found.value > 0.999
    assert found.map[26:34, 10:30].mean() > 10 * found.noise
    assert found.map[:10].max() < 0.2 * found.map.max()
    assert found.map.min() >= -0.05 * found.map.max()


@pytest.mark.parametrize("way", ["occlusion", "rise"])
def test_what_raises_alone_is_never_drawn_as_lowering(way):
    head = Smile()
    head.gain, head.against = 0.06, 0.0015
    image = smiling()
    veiled = np.full_like(image, 60)
    alone = veiled.copy()
    alone[26:34, 14:26] = image[26:34, 14:26]
    assert head(alone[None])[0].values["smile"] > head(veiled[None])[0].values["smile"]
    found = explain(head, image, way=way)
    assert found.map[28:32, 18:22].min() >= 0


def test_without_a_measurable_effect_there_is_no_map():
    head = Smile()
    head.gain = 1e-5
    with pytest.raises(MienError, match=r"measurable effect on 'smile' .*noise.*another label"):
        explain(head, smiling(), label="smile")


def test_a_map_is_grey_where_effects_are_noise():
    found = explain(Smile(), smiling())
    small = found.map[(found.map != 0)]
    assert np.abs(small).min() > found.noise
    assert (found.map == 0).any()


def test_covered_chips_without_an_answer_do_not_count():
    class Shy(Smile):
        def __call__(self, chips):
            found = super().__call__(chips)
            blank = Reading("x", {}, "probability", "m", text="no mouth")
            return [r if c[26:34, 8:32].mean() > 230 else blank
                    for r, c in zip(found, chips, strict=True)]  # fmt: skip

    with pytest.raises(MienError, match="measurable"):
        explain(Shy(), smiling())  # nothing is answered without the mouth


def test_the_colour_scale_states_its_ends():
    plain = heat_scale(400, "", 1.5, "logits")
    titled = heat_scale(400, "happiness " * 40, 1.5, "logits")
    assert plain.shape == titled.shape
    assert plain.shape[1] == 400
    assert not np.array_equal(plain, titled)
    ramp = plain[plain.shape[0] // 2 - 2].astype(int)
    assert ramp[14, 2] > ramp[14, 0] + 60
    assert ramp[-15, 0] > ramp[-15, 2] + 60


def test_a_number_that_is_not_there_is_told():
    with pytest.raises(MienError, match="no number 'joy'; it has sum, other"):
        explain(Corner(), chip(), label="joy")
    mute = type("Mute", (), {"__call__": lambda self, c: [Reading("x", {}, "share", "m")]})()
    with pytest.raises(MienError, match="no answer for this face"):
        explain(mute, chip())


def test_red_raises_and_blue_lowers():
    image = noise(1, 8)[0]
    values = np.zeros((8, 8), np.float32)
    values[0, 0], values[7, 7] = 2, -1
    drawn = heat(image, values).astype(int)
    assert drawn[0, 0, 0] > drawn[0, 0, 2] + 60
    assert drawn[7, 7, 2] > drawn[7, 7, 0] + 20
    assert len(set(drawn[3, 3])) == 1  # grey where nothing happens
    assert heat(image, np.zeros((8, 8), np.float32)).shape == (8, 8, 3)
