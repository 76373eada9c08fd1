"""Words that the glossary replaces: their count may only fall, and is 0 in new files.

`python tests/test_words.py` prints where they stand; `--write` records lower counts.
"""

import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
COUNTS = Path(__file__).with_name("words.json")  # file -> how many are left in it
INSTEAD = {  # pattern -> the field's word, as in docs/glossary.md
    r"likeness|alike|look-?alikes?": "similarity, similar, near-duplicate",
    r"told|tells?|telling": "reported, describes, returned",
    r"said": "reported, predicted, answered",
    r"looks?|looked|looking": "sampled frame, observation, forward pass; search, read, appear",
    r"stretch(?:es)?": "segment, interval",
    r"happenings?": "facial event",
    r"at rest|own rest|rested": "neutral face, baseline",
    r"unasked": "enabled by default",
    r"visitors?": "unknown-3",
    r"for eyes": "human-readable",
    r"made-up": "synthetic",
    r"odds": "probabilities",
    r"warmth": "temperature",
    r"kin": "group ids",
    r"worth": "selection score; justified",
    r"serves? worse|served worse": "performance by group, disparity",
}
LETTER = "A-Za-z"
WORDS = [
    (re.compile(rf"(?<![{LETTER}])(?:{pattern})(?![{LETTER}])", re.I), instead)
    for pattern, instead in INSTEAD.items()
]


def files():
    """All text that users and newcomers read: code, pages, templates."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
    for folder, kinds in (
        ("src/mien", ("py", "md", "toml", "jinja")),
        ("docs", ("md", "py")),
        ("benchmarks", ("py", "md")),
        ("tools", ("py",)),
    ):
        found += [p for kind in kinds for p in (ROOT / folder).rglob(f"*.{kind}")]
    glossary = ROOT / "docs/glossary.md"  # it names the words that are not used
    return sorted(p for p in found if p != glossary and "__pycache__" not in p.parts)


def places(text):
    """(line, word, what to write instead) of each word that is not used."""
    return [
        (number, found[0], instead)
        for number, line in enumerate(text.splitlines(), 1)
        for word, instead in WORDS
        for found in word.finditer(line)
    ]


def counted():
    return {
        p.relative_to(ROOT).as_posix(): len(found)
        for p in files()
        if (found := places(p.read_text("utf-8")))
    }


def test_words_of_the_glossary_are_used():
    allowed, now = json.loads(COUNTS.read_text("utf-8")), counted()
    more = {name: count for name, count in now.items() if count > allowed.get(name, 0)}
    assert not more, "see: python tests/test_words.py"
    fewer = {name for name, count in allowed.items() if now.get(name, 0) < count}
    assert not fewer, "fewer than recorded: python tests/test_words.py --write"


@pytest.mark.parametrize(
    ("text", "count"),
    [("It tells the odds.", 2), ("hotels and storytellers", 0), ("told_row = said", 2), ("", 0)],
)
def test_words_are_found_in_prose_and_in_names(text, count):
    assert len(places(text)) == count


if __name__ == "__main__":
    if "--write" in sys.argv:
        COUNTS.write_text(json.dumps(counted(), indent=1) + "\n", "utf-8")
    else:
        for path in files():
            for number, word, instead in places(path.read_text("utf-8")):
                print(f"{path.relative_to(ROOT)}:{number}: {word} -> {instead}")
