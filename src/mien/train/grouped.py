"""Groups of training images, and how often each image is drawn so that they are not learnt.

The one place behind `mien train NAME --set mitigate=reweighing --set group=race`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mien.align import align
from mien.datasets import Labelled
from mien.errors import TrainingError
from mien.geometry import places
from mien.media.skin import UTKFACE_POINTS, cheeks, has_tone
from mien.metrics import tone_angle
from mien.train.mitigation import cell_weights, equal_cells
from mien.train.tones import DARK
from mien.types import Crop, Doubles, Face, Pixels

Draws = Literal["none", "reweighing", "oversampling"]
DRAWS: tuple[Draws, ...] = get_args(Draws)
TONE = "tone"  # the group that is measured in the pixels, not read from a label
MOST = 20.0  # times the rarest draw; with more, a handful of faces would be memorised
SHOWN = 5  # cells in a message


@dataclass(frozen=True, slots=True)
class Grouping:
    """What a training does about groups of people in its data.

    Losses are not weighted, images are drawn: on average the same, and it also works where faces
    are mixed or losses have several parts (as in the second half of Kamiran and Calders, 2012).
    """

    mitigate: str = "none"  # one of DRAWS
    column: str = ""  # a label of the data set such as "race", or "tone"

    def check(self, records: Sequence[Labelled]) -> None:
        """Refuse, before faces are cut, what cannot be done with these images.

        Raises:
            TrainingError: an unknown mitigation, one without a group or the reverse, or a label
                that no image has.
        """
        if self.mitigate not in DRAWS:
            raise TrainingError(
                f"Mitigation '{self.mitigate}' is unknown; choose {', '.join(DRAWS)}."
            )
        there = sorted({name for record in records for name in record.labels})
        if self.mitigate == "none" and self.column:
            raise TrainingError(
                f"group={self.column} does nothing without a mitigation; add --set "
                "mitigate=reweighing or --set mitigate=oversampling."
            )
        if self.mitigate != "none" and not self.column:
            raise TrainingError(
                f"mitigate={self.mitigate} needs the groups; add --set group=COLUMN, one of: "
                f"{', '.join([*there, TONE])}."
            )
        if self.column and self.column != TONE and self.column not in there:
            raise TrainingError(
                f"No image has a label '{self.column}'; the data set has: "
                f"{', '.join(there) or 'none'}. '{TONE}' is measured in colour photographs."
            )

    def of(
        self, records: Sequence[Labelled], images: Pixels, crop: Crop
    ) -> NDArray[np.str_] | None:
        """Return the group of each image, "" where it is unknown; None without a mitigation.

        Args:
            records: (N,) of the images.
            images: (N, S, S, 3) chips.
            crop: how they were cut.

        Raises:
            TrainingError: as `check`, or tones of grey images.
        """
        self.check(records)
        if self.mitigate == "none":
            return None
        if self.column != TONE:
            return np.array([record.labels.get(self.column, "") for record in records])
        found = np.array([_tone(image, crop) for image in images])
        if not (found != "").any():
            raise TrainingError(
                "No image shows skin in colour, so there are no groups by tone; choose a label "
                "as group, or colour photographs."
            )
        return found

    def weight(
        self,
        group: NDArray[np.str_] | None,
        label: NDArray[Any],
        base: Doubles | None = None,
    ) -> Tensor | None:
        """Return the chances by which `Batches` draws; None: each image once.

        Args:
            group: (N,) from `of`, of the images that are learnt from.
            label: (N,) names of classes, or of bands of numbers.
            base: (N,) chances for another reason, such as rare labels. Reweighing keeps them;
                oversampling replaces them, since it makes labels equally frequent itself.

        Raises:
            TrainingError: one group only, or a group without any image of a label.
        """
        if self.mitigate == "none":
            return None if base is None else torch.from_numpy(np.asarray(base, np.float64))
        if group is None:
            raise TrainingError(
                f"mitigate={self.mitigate} needs images with groups, and these have none."
            )
        known = group != ""
        self._require_cells(group[known], label[known])
        found = np.zeros(len(group))  # an image of an unknown group is never drawn
        if self.mitigate == "oversampling":
            found[known] = equal_cells(group[known], label[known])
        else:
            own = 1.0 if base is None else np.asarray(base, np.float64)[known]
            found[known] = cell_weights(group[known], label[known]) * own
        least = found[known].min()
        return torch.from_numpy(np.minimum(found, MOST * least))

    def about(self, group: NDArray[np.str_] | None) -> dict[str, str]:
        """Return what was done, for the record of a run; empty without a mitigation."""
        if group is None:
            return {}
        counts = Counter(name for name in group.tolist() if name)
        sizes = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
        text = f"{self.mitigate} by {self.column} ({sizes})"
        lost = int((group == "").sum())
        return {"mitigation": text + (f"; {lost} images of no known group left out" * bool(lost))}

    def _require_cells(self, group: NDArray[np.str_], label: NDArray[Any]) -> None:
        names, marks = np.unique(group), np.unique(label)
        if len(names) < 2:
            raise TrainingError(
                f"All images are of one group by {self.column} ({', '.join(names) or 'none'}); a "
                "mitigation needs two or more."
            )
        there = set(zip(group.tolist(), label.tolist(), strict=True))
        cells = product(names.tolist(), marks.tolist())
        empty = [f"{g} with {y}" for g, y in cells if (g, y) not in there]
        if empty:
            more = f" and {len(empty) - SHOWN} more" if len(empty) > SHOWN else ""
            raise TrainingError(
                f"No image to draw of {', '.join(empty[:SHOWN])}{more}. No weight can balance an "
                "empty cell: add images, or choose other groups."
            )


PLAIN = Grouping()  # no mitigation


def _tone(chip: Pixels, crop: Crop) -> str:
    """Whether the skin of a chip is dark or light in this picture; "" if it has no colours."""
    face = Face(np.array([0, 0, crop.size, crop.size], np.float32), 1.0, places(crop))
    [square] = align(chip, [face], Crop(crop.size, points=UTKFACE_POINTS))
    if not has_tone(square):
        return ""
    return "dark" if tone_angle(cheeks(square)) <= DARK else "light"
