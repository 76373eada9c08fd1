"""The seven shapes a model may have; a card names one as its `kind`.

No base classes: a class fits if it has the method. `mien.testing.check` runs a contract.
"""

from typing import Any, Protocol

from mien.types import Clip, Crop, Face, Floats, Pixels, Reading


class Detector(Protocol):
    """One (H, W, 3) image in, its faces out, most confident first."""

    name: str  # the card it was opened from

    def __call__(self, image: Pixels, /) -> list[Face]: ...


class Landmarker(Protocol):
    """(N, S, S, 3) chips in; (N, L, 3) chip px and (N, L) visibility or presence in [0, 1] out."""

    crop: Crop

    def __call__(self, chips: Pixels, /) -> tuple[Floats, Floats]: ...


class Embedder(Protocol):
    """(N, S, S, 3) chips in, (N, D) unit vectors out."""

    name: str  # the card it was opened from
    contract: str  # id of model, preprocessing and dimension; vectors of two never meet
    crop: Crop  # how its chips must be cut

    def __call__(self, chips: Pixels, /) -> Floats: ...


class ChipHead(Protocol):
    """(N, S, S, 3) chips of unrelated faces in, N readings out."""

    name: str  # the card it was opened from
    crop: Crop

    def __call__(self, chips: Pixels, /) -> list[Reading]: ...


class ClipHead(Protocol):
    """One person over time in, readings out; each may carry a span in seconds.

    A clip that cannot be read (too short, no face) gets a reading without values whose text says
    why, or no reading at all.
    """

    name: str  # the card it was opened from
    needs: frozenset[str]  # of: chips, points, pose, body, audio, text, frames, depth, infrared

    def __call__(self, clip: Clip, /) -> list[Reading]: ...


class Maker(Protocol):
    """Pixels and controls in; new pixels, meshes or waveforms out."""

    def __call__(self, *args: Any) -> Any: ...


class Audit(Protocol):
    """Somebody's matcher or head, and labelled data, in; findings with intervals out."""

    def __call__(self, subject: Any, data: Any, /) -> Any: ...
