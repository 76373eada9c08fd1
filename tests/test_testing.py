"""The contracts are checked by something that can fail: each break is found."""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest

from mien.contracts import Artefact, Made, Provenance, Samples, silent
from mien.errors import MienError, TooFewTrialsError
from mien.metrics import Clusters
from mien.metrics.findings import Fact, Findings, Risk
from mien.testing import TOY_DEVICE, check, made_up_clip, noise
from mien.types import PARTS, Crop, Reading


class Clipper:
    """A clip head that keeps its contract; each test breaks one thing."""

    crop, needs = Crop(size=8), frozenset({"chips"})
    unit, name, span = "share", "toy", True
    digest, device = "", TOY_DEVICE

    def value(self, clip):
        return float(clip.chips.mean() / 255)

    def __call__(self, clip):
        if len(clip.times) < 4 or clip.chips is None:
            return [Reading("light", {}, self.unit, self.name, text="too short")]
        span = (float(clip.times[0]), float(clip.times[-1])) if self.span else (0.0, 99.0)
        return [Reading("light", {"light": self.value(clip)}, self.unit, self.name, span=span)]


class NoReason(Clipper):
    def __call__(self, clip):
        enough = len(clip.times) > 3 and clip.chips is not None
        return super().__call__(clip) if enough else [Reading("a", {}, "b", "c")]


class NotFinite(Clipper):
    def value(self, clip):
        return float("nan")


class Random(Clipper):
    def value(self, clip):
        return float(np.random.default_rng().random())


class Mute(Clipper):
    def __call__(self, clip):
        return []


class Beyond(Clipper):
    span = False


def test_a_clip_head_that_keeps_its_contract_passes():
    check("clip-head", Clipper())


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (NoReason(), "says why"),
        (NotFinite(), "left out"),
        (Random(), "two answers"),
        (Mute(), "long enough"),
        (Beyond(), "beyond the clip"),
    ],
)
def test_a_broken_clip_head_is_found(head, says):
    with pytest.raises(AssertionError, match=says):
        check("clip-head", head)


class Mixing:
    """A chip head whose answers depend on the batch."""

    crop = Crop(size=8)
    name, digest, device = "mixing", "", TOY_DEVICE

    def __call__(self, chips):
        values = chips.reshape(len(chips), -1).mean(1) if len(chips) else []
        return [Reading("a", {"a": float(v - np.mean(values))}, "b", "c") for v in values]


def test_a_chip_head_that_mixes_faces_is_found():
    with pytest.raises(AssertionError, match="depends on the other faces"):
        check("chip-head", Mixing())


def test_an_unknown_kind_is_told():
    with pytest.raises(ValueError, match="no check for kind 'x'"):
        check("x", Mixing())


@pytest.mark.parametrize("key", ["name", "digest", "device"])
def test_what_every_model_has_is_asked_of_every_kind(key):
    class Bare:
        name, digest, device = "toy", "", TOY_DEVICE

    delattr(Bare, key)
    with pytest.raises(AssertionError, match=f"a model has a {key}"):
        check("detector", Bare())


class AllParts:
    """A clip head that asks for one part, and measures how much of it there is."""

    name, digest, device, crop = "all-parts", "", TOY_DEVICE, Crop(size=8)

    def __init__(self, part):
        self.needs = frozenset({part})

    def __call__(self, clip):
        [part] = self.needs
        held = getattr(clip, part)
        if held is None or len(clip.times) < 4:
            return [Reading("amount", {}, "numbers", self.name, text=f"too little {part}")]
        values = getattr(held, "values", getattr(held, "samples", held))
        times = getattr(held, "times", clip.times)
        amount = float(np.size(values))
        span = (float(times[0]), float(times[-1]))
        return [Reading("amount", {part: amount}, "numbers", self.name, span=span)]


@pytest.mark.parametrize("part", PARTS)
def test_a_clip_head_may_ask_for_any_part(part):
    head = AllParts(part)
    check("clip-head", head)
    [reading] = head(made_up_clip(24, head))
    assert reading.values[part] > 0


def test_parts_keep_their_own_times():
    clip = made_up_clip(24, SimpleNamespace(needs=frozenset(PARTS), crop=Crop(size=8)))
    assert clip.frames.shape[:1] == clip.boxes.shape[:1] == clip.times.shape == (24,)
    assert len(clip.depth.times) == len(clip.depth.values) == 12
    assert clip.audio.samples.size == round(24 / 25 * clip.audio.rate)
    assert clip.text[0].end <= 24 / 25


@dataclass(frozen=True, slots=True)
class Strength:
    amount: float = 0.5  # how dark it gets
    seed: int = 0


class Darken:
    """A maker that keeps its contract; each test breaks one thing."""

    name, digest, device, needs, options = "darken", "0123", TOY_DEVICE, ("image",), Strength
    change = "edited"

    def seeds(self, options):
        return options.seed

    def __call__(self, inputs, options, on_step=silent):
        if "image" not in inputs:
            raise MienError("darken needs an image; give one.")
        photo = inputs["image"]
        on_step("picture", 0, 1)
        grain = np.random.default_rng(self.seeds(options)).integers(0, 9, photo.image.shape)
        image = (photo.image * (1 - options.amount) + grain).astype(np.uint8)
        on_step("picture", 1, 1)
        told = tuple((k, str(getattr(options, k))) for k in ("amount", "seed"))
        made_from = ((photo.name, photo.sha256),)
        provenance = Provenance("darken", "0123", self.change, made_from, (), told, options.seed)
        return Made((Artefact("image", image=image),), provenance)


class Unseeded(Darken):
    def seeds(self, options):
        return None


class Nameless(Darken):
    change = "nice"


class Painting(Darken):
    def __call__(self, inputs, options, on_step=silent):
        if "image" in inputs:
            inputs["image"].image[0] = 0
        return super().__call__(inputs, options, on_step)


class Deaf(Darken):
    def __call__(self, inputs, options, on_step=silent):
        return super().__call__(inputs, options)


class Wild(Darken):
    options = dict


def test_a_maker_that_keeps_its_contract_passes():
    check("maker", Darken())
    check("maker", Darken(), inputs={"image": Artefact("image", image=noise(1, 8)[0])})


@pytest.mark.parametrize(
    ("maker", "says"),
    [
        (Unseeded(), "two results of one seed"),
        (Nameless(), "'nice' is no change"),
        (Painting(), "an input was changed"),
        (Deaf(), "on_step is called"),
        (Wild(), "options: a dataclass"),
    ],
)
def test_a_broken_maker_is_found(maker, says):
    with pytest.raises(AssertionError, match=says):
        check("maker", maker)


@dataclass(frozen=True, slots=True)
class Least:
    pictures: int = 8  # fewer are refused


class Confident:
    """An audit that keeps its contract: how sure a head is of itself."""

    name, digest, device, options = "confident", "0123", TOY_DEVICE, Least
    needs = frozenset({"chip-head"})
    shift = 0.0

    def refuse(self, count, options):
        if count < options.pictures:
            raise TooFewTrialsError(f"{count} pictures are too few; give {options.pictures}.")

    def basis(self, subject, scope):
        return (("Subject", subject.label), ("Purpose", scope.purpose))

    def __call__(self, subject, data, scope, options, on_step=silent):
        self.refuse(len(data.pictures), options)
        sure = []
        for number, picture in enumerate(data.pictures, 1):
            [reading] = subject.model(picture[None, :16, :16])
            sure.append(max(reading.values.values()))
            on_step("faces", number, len(data.pictures))
        share = Clusters(data.people).mean(sure)
        fact = Fact("certainty", replace(share, value=share.value + self.shift), "rate", "mean")
        risk = Risk("low", "made up")
        told = self.basis(subject, scope)
        return Findings("Certainty", data.name, (fact,), (), basis=told, risk=risk)


class Outlying(Confident):
    shift = 5.0


class Generous(Confident):
    def refuse(self, count, options):
        pass

    def __call__(self, subject, data, scope, options, on_step=silent):
        people = data.people or ("nobody",)
        pictures = data.pictures or (noise(1, 16)[0],)
        whole = Samples(data.name, pictures, {}, people)
        return super().__call__(subject, whole, scope, options, on_step)


class Secretive(Confident):
    def basis(self, subject, scope):
        return (("Purpose", scope.purpose),)


def test_an_audit_that_keeps_its_contract_passes():
    check("audit", Confident())


@pytest.mark.parametrize(
    ("audit", "says"),
    [
        (Outlying(), "is not in"),
        (Generous(), "an audit of 0 pictures must raise TooFewTrialsError"),
        (Secretive(), "the basis names the subject"),
    ],
)
def test_a_broken_audit_is_found(audit, says):
    with pytest.raises(AssertionError, match=says):
        check("audit", audit)


def test_what_cannot_be_made_up_is_asked_for():
    films = Darken()
    films.needs = ("film",)
    with pytest.raises(ValueError, match="film cannot be made up here; give `inputs`"):
        check("maker", films)
    clips = Confident()
    clips.needs = frozenset({"clip-head"})
    with pytest.raises(ValueError, match="clip-head cannot be made up here; give `subject`"):
        check("audit", clips)


def test_records_refuse_what_does_not_fit():
    with pytest.raises(MienError, match="is a film without content"):
        Artefact("film", image=noise(1, 8)[0])
    with pytest.raises(MienError, match="'age' has 1 rows, but there are 2 pictures"):
        Samples("two", tuple(noise(2, 8)), {"age": ("3",)})
