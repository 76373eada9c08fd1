"""Ask a vision-language model for each face: examples, rotations, retries, counted costs."""

import hashlib
import inspect
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import cast

import numpy as np

from mien.errors import LanguageError, TooManyImagesError
from mien.language import Respond, RespondAfter, Turn
from mien.systems.academic_vlm.examples import Example, digest_of
from mien.systems.academic_vlm.parsing import (
    LABELS,
    Parsed,
    Template,
    after,
    again,
    parse,
    prompt,
    prompts,
    weighed,
)
from mien.types import Pixels

TRIES, PAUSE = 3, 1.0  # of a server that fails; s before the second try, doubled each time
LETTERS = 4.0  # of a token, on average: most servers do not count for us


@dataclass(slots=True)
class Ledger:
    """What was spent, and what came back."""

    calls: int = 0
    failed: int = 0  # tries that a server did not answer
    kept: int = 0  # answers that were read from the file instead
    seconds: float = 0.0
    tokens: float = 0.0  # estimated from letters, without the images
    images: int = 0  # that were sent, examples included
    examples: int = 0  # images of examples among them
    json: int = 0
    word: int = 0
    weighed: int = 0
    refused: int = 0
    unparsed: int = 0

    def as_row(self) -> dict[str, float]:
        """All counts by name."""
        return asdict(self)


@dataclass(slots=True)
class Classifier:
    """Shares of five labels for each face; a model that names none gives an empty answer.

    Without `weigh` they are shares of votes, with it the mean of what the model weighs. With
    `examples`, `respond` or `weigh` gets a third argument: the turns that come before the question.
    """

    respond: Respond | RespondAfter
    name: str  # of the model, part of the key of kept answers
    template: Template = "defined"
    rotations: int = 1  # calls with the labels in another order, whose votes are averaged
    kept: Path | None = None  # JSON lines of answers; a stopped run continues from it
    budget: int | None = None  # calls at most
    weigh: Callable[..., Mapping[str, float]] | None = None  # asked instead for one word;
    # ServerClient.first_tokens
    examples: tuple[Example, ...] = ()  # of people who are not asked about; see choose_examples
    wait: Callable[[float], None] = time.sleep
    ledger: Ledger = field(default_factory=Ledger)
    _known: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 1 <= self.rotations <= len(LABELS):
            raise LanguageError(f"Rotations are 1 to {len(LABELS)}, got {self.rotations}.")
        if self.examples:
            self._check_examples()
        if self.kept is not None and self.kept.is_file():
            text = self.kept.read_text("utf-8")
            if text and not text.endswith("\n"):
                with self.kept.open("a", encoding="utf-8") as file:
                    file.write("\n")  # so that the next answer has a line of its own
            for line in text.splitlines():
                try:
                    row = json.loads(line)
                    self._known[row["key"]] = row["reply"]
                except (ValueError, KeyError, TypeError):
                    continue  # the last line of a run that was killed: asked again

    def _check_examples(self) -> None:
        strange = [one.label for one in self.examples if one.label not in LABELS]
        if strange:
            raise LanguageError(f"'{strange[0]}' of an example is none of: {', '.join(LABELS)}.")
        try:
            inspect.signature(self.weigh or self.respond).bind(None, "", ())
        except TypeError as error:
            raise LanguageError(
                "This model takes no examples; give a function of image, prompt and turns."
            ) from error

    def __call__(self, chips: Pixels) -> list[dict[str, float]]:
        """(N, S, S, 3) chips to N times label -> share of votes; {}: no vote."""
        return [self._one(np.ascontiguousarray(chip)) for chip in chips]

    def at_position(self, chips: Pixels, turn: int) -> list[Parsed]:
        """One answer per chip with the labels rotated by `turn`."""
        return [self._asked(np.ascontiguousarray(chip), turn) for chip in chips]

    def _one(self, chip: Pixels) -> dict[str, float]:
        asked = [self._asked(chip, turn).shares for turn in range(self.rotations)]
        named = [shares for shares in asked if shares]
        return {label: sum(one[label] for one in named) / len(named)
                for label in LABELS} if named else {}  # fmt: skip

    def _asked(self, chip: Pixels, turn: int) -> Parsed:
        if any(np.array_equal(chip, one.chip) for one in self.examples):
            raise LanguageError("A face that is asked about is one of the examples; leave it out.")
        order = rotated(turn)
        if self.weigh is not None:
            found = weighed(
                json.loads(self._reply(chip, prompt(self.template, order, word=True), word=True))
            )
        else:
            found = parse(self._reply(chip, prompt(self.template, order)))
            if found.kind == "unparsed":
                found = parse(self._reply(chip, again(order), word=True))
        setattr(self.ledger, found.kind, getattr(self.ledger, found.kind) + 1)
        return found

    def _reply(self, chip: Pixels, text: str, *, word: bool = False) -> str:
        turns = [one.turn(word=word) for one in self.examples]
        text = after(text) if turns else text
        content = hashlib.sha256(chip.tobytes() + repr(chip.shape).encode()).hexdigest()
        words = f"{content}\n{prompts().version}\n{text}\n{self.name}"
        if turns:
            words += f"\n{digest_of(self.examples)}"
        key = hashlib.sha256(words.encode()).hexdigest()
        if key in self._known:
            self.ledger.kept += 1
            return self._known[key]
        reply = self._called(chip, text, turns)
        self._known[key] = reply
        if self.kept is not None:
            with self.kept.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": key, "reply": reply}) + "\n")
        return reply

    def _answer(self, chip: Pixels, text: str, turns: Sequence[Turn]) -> str:
        """What is kept of one call: the text, or the weights of tokens as JSON."""
        asked = (chip, text, turns) if turns else (chip, text)  # a function may take two only
        if self.weigh is None:
            return cast(Callable[..., str], self.respond)(*asked)
        return json.dumps(dict(self.weigh(*asked)))

    def _called(self, chip: Pixels, text: str, turns: Sequence[Turn]) -> str:
        """Ask the model; a server that fails is asked again after a pause.

        Raises:
            TooManyImagesError: the examples are too many for the model.
            LanguageError: the budget is spent, or the server failed three times. Kept answers stay.
        """
        for number in range(TRIES):
            if self.budget is not None and self.ledger.calls >= self.budget:
                raise LanguageError(
                    f"The budget of {self.budget} calls is spent; answers so far are kept. Raise "
                    "it to go on."
                )
            begun = time.perf_counter()
            self.ledger.calls += 1
            try:
                reply = self._answer(chip, text, turns)
            except TooManyImagesError:
                self.ledger.calls -= 1  # nothing was sent
                raise
            except LanguageError:
                self.ledger.failed += 1
                if number == TRIES - 1:
                    raise
                self.wait(PAUSE * 2**number)
                continue
            finally:
                self.ledger.seconds += time.perf_counter() - begun
            shown = sum(len(one.prompt) + len(one.answer) for one in turns)
            self.ledger.tokens += (shown + len(text) + len(reply)) / LETTERS
            self.ledger.images += 1 + len(turns)
            self.ledger.examples += len(turns)
            return reply
        raise AssertionError("unreachable")


def rotated(turn: int) -> Sequence[str]:
    """The labels, beginning with another one."""
    turn %= len(LABELS)
    return (*LABELS[turn:], *LABELS[:turn])


def position_bias(classifier: Classifier, chips: Pixels) -> float:
    """Largest difference in how often a position of the list is named from an even share, 0 to 0.8.

    Each face is asked once for each of the five orders, so that labels and positions are separate.
    """
    count = np.zeros(len(LABELS))
    for turn in range(len(LABELS)):
        order = list(rotated(turn))
        for found in classifier.at_position(chips, turn):
            if found.label:
                count[order.index(found.label)] += 1
    if not count.sum():
        raise LanguageError("The model named a label for no face, so there is no position bias.")
    return float(np.abs(count / count.sum() - 1 / len(LABELS)).max())
