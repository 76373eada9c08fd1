"""Examples for a prompt: a few labelled faces of people who are not in the test."""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from mien.errors import LanguageError
from mien.language import Turn
from mien.systems.academic_vlm.parsing import LABELS, prompts
from mien.types import Pixels


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """One face with its label."""

    chip: Pixels  # (S, S, 3)
    label: str  # of LABELS
    person: str

    def turn(self, *, word: bool) -> Turn:
        """How a model gets it: with the answer as JSON, or as one word.

        Nobody stated a confidence or evidence, so the JSON has none.
        """
        answer = self.label if word else json.dumps({"expression": self.label})
        return Turn(self.chip, prompts().example, answer)


def choose_examples(
    chips: Sequence[Pixels],
    labels: Sequence[str],
    people: Sequence[str],
    *,
    each: int,
    without: Collection[str],
    seed: int = 0,
) -> tuple[Example, ...]:
    """Draw examples: `each` of every label, each of them of another person.

    Args:
        chips: N times (S, S, 3).
        labels: N of LABELS; others are not used.
        people: N; a face of somebody unknown, "", is not used, since it may be in the test.
        each: of a label.
        without: people of the test.
        seed: of the draw.

    Returns:
        5 * each examples; each label once in random order, then each once more, and so on.

    Raises:
        LanguageError: rows differ in number, or a label has fewer people.
    """
    if not len(chips) == len(labels) == len(people):
        raise LanguageError(
            f"Examples need one label and one person per face, got {len(chips)} faces, "
            f"{len(labels)} labels and {len(people)} people."
        )
    if each < 1:
        raise LanguageError(f"At least one example of each label is needed, got {each}.")
    rng = np.random.default_rng([31, seed])
    drawn: dict[str, list[Example]] = {}
    for label in LABELS:
        mine: dict[str, list[int]] = {}
        for row, (one, person) in enumerate(zip(labels, people, strict=True)):
            if one == label and person and person not in without:
                mine.setdefault(person, []).append(row)
        if len(mine) < each:
            raise LanguageError(
                f"'{label}' has faces of {len(mine)} people outside the test, but {each} examples "
                "are wanted; ask for fewer, or give more people."
            )
        who = [str(one) for one in rng.permutation(sorted(mine))[:each]]
        drawn[label] = [Example(chips[int(rng.choice(mine[one]))], label, one) for one in who]
    return tuple(
        drawn[str(label)][turn] for turn in range(each) for label in rng.permutation(LABELS)
    )


def digest_of(examples: Sequence[Example]) -> str:
    """SHA-256 of faces and labels in their order."""
    found = hashlib.sha256()
    for one in examples:
        found.update(
            f"{one.label}{one.chip.shape}".encode() + np.ascontiguousarray(one.chip).tobytes()
        )
    return found.hexdigest()
