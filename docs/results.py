"""Tables of results, generated from the model cards, so that nobody types a number twice.

python docs/results.py          prints both tables
python docs/results.py --write  writes the headlines to README.md and all results to their page
"""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mien.zoo import cards

ROOT = Path(__file__).parent.parent
PLACE = re.compile(r"(<!-- results:.*?-->\n)(.*?)(<!-- end of results -->)", re.S)

# Each headline: name of the card, the start of protocol and metric of one result, and its label.
HEADLINES = (
    ("dlib-resnet29-int8", "LFW crops, pairs of 5 folds", "accuracy",
     "Verification accuracy, 2,791 pairs of LFW, failures count as errors"),
    ("dlib-resnet29-int8", "the same, padded", "accuracy",
     "The same pairs with `face_recognition`, images padded where it finds no face"),
    ("dlib-resnet29-int8", "LFW crops, 402 people", "FNMR at FMR 0.001",
     "False non-match rate at a false match rate of 0.001, 402 other people"),
    ("dlib-resnet29-int8", "LFW crops, 1,000 people", "FPIR",
     "False positive identification rate, 0.01 requested, 1,000 people enrolled"),
    ("dlib-resnet29-int8", "UTKFace, eight groups", "worst over best",
     "The worst false match rate of eight groups of adults, times the best one"),
    ("dlib-resnet29-int8", "image to embedding", "times as fast",
     "From image to embedding, times as fast as `face_recognition`"),
    ("mtcnn", "UTKFace part 1", "no face found",
     "Share of 7,812 images of one face in which no face is found"),
    ("expression", "FERPlus", "raters",
     "Expression, agreement with the majority of ten raters, 2,854 images of FERPlus"),
    ("age-fahr", "UTKFace part 1, 933", "mean absolute error",
     "Age of adults, mean absolute error in years, 933 images of UTKFace"),
    ("action-units-mf2", "CK+, 780 faces", "mean F1",
     "Action units, mean F1 of 16 units, 94 people of CK+, folds by person"),
)  # fmt: skip


def table() -> str:
    """Every result of every card, one row per result, with its interval and its command."""
    rows = ["| Model | Data | Metric | Result | Command |", "|---|---|---|---|---|"]
    for card in cards().values():
        for result in card.results:
            cells = [card.name, result["protocol"], result["metric"], _value(result)]
            rows.append(f"| {' | '.join(cells)} | `{result['command']}` |")
    return "\n".join(rows) + "\n"


def headlines() -> str:
    """The nine results that README shows.

    Raises:
        LookupError: a headline names no result of its card, or several.
    """
    rows = ["| What | Result |", "|---|---|"]
    for name, protocol, metric, label in HEADLINES:
        found = [
            result
            for result in cards()[name].results
            if result["protocol"].startswith(protocol) and result["metric"].startswith(metric)
        ]
        if len(found) != 1:
            raise LookupError(
                f"Headline {label!r} needs one result of card {name!r} that starts with "
                f"{protocol!r} and {metric!r}; found {len(found)}. Change HEADLINES in {__file__}."
            )
        rows.append(f"| {label} | {_value(found[0])} |")
    return "\n".join(rows) + "\n"


# Page -> the table between its two marks.
PAGES: dict[Path, Callable[[], str]] = {
    ROOT / "README.md": headlines,
    ROOT / "docs" / "evaluation" / "results.md": table,
}


def written(text: str, rows: str) -> str:
    """A page with the rows of today between its marks."""
    return PLACE.sub(lambda match: match[1] + rows + match[3], text)


def _value(result: dict[str, Any]) -> str:
    low, high = result.get("low"), result.get("high")
    return f"{result['value']:g}" + (f" ({low:g} to {high:g})" if low is not None else "")


if __name__ == "__main__":
    for page, make in PAGES.items():
        if "--write" in sys.argv:
            page.write_text(written(page.read_text("utf-8"), make()), "utf-8")
        else:
            print(make())
