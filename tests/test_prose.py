"""Check the prose of README and docs against the rules of CONTRIBUTING.md."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
PAGES += sorted((ROOT / "docs").rglob("*.md"))
LONGEST = 25  # words of a sentence
AMERICAN = r"\b(colou?red gray|gray|color|license[s]?|behavior|analyz(?:ing|ed)|recogniz\w+)\b"


def prose(text):
    """The text without code, generated tables, comments and the targets of links."""
    text = re.sub(r"<!-- results:.*?<!-- end of results -->", "", text, flags=re.S)
    text = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    text = re.sub(r"^    \S.*$", "", text, flags=re.M) if "!!!" not in text else text
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    text = re.sub(r"`[^`]*`", "X", text)
    return re.sub(r"\]\([^)]*\)", "]", text)


def sentences(text):
    """Sentences of paragraphs, list items and cells of tables."""
    for paragraph in re.split(r"\n\s*\n", prose(text)):
        if paragraph.lstrip().startswith("|"):
            units = paragraph.replace("\n", "|").split("|")
        else:
            units = re.split(r"\n(?=\s*(?:-|\d+\.) )", paragraph)
        for unit in units:
            yield from re.split(r"(?<=[.!?:;])\s+", " ".join(unit.split()))


def test_sentences_are_found_and_code_is_not_counted():
    text = "One two `a b c`. Three:\n\n- four\n- five\n\n```sh\nno\n```\n\n| six | seven |\n"
    found = [one for one in sentences(text) if one]
    assert found == ["One two X.", "Three:", "- four", "- five", "six", "seven"]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_no_sentence_is_longer_than_25_words(page):
    words = re.compile(r"\b[^\W\d_][\w'-]*")  # numbers are not counted
    text = page.read_text("utf-8")
    long = [s for s in sentences(text) if len(words.findall(s)) > LONGEST]
    assert long == [], f"{page.name} has a sentence of more than {LONGEST} words"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_the_spelling_is_british(page):
    assert re.findall(AMERICAN, prose(page.read_text("utf-8")), re.I) == []
