"""Compare a short text with the expected one by its words, as question answering tasks do."""

import re
from collections import Counter
from math import exp


def words_of(text: str) -> list[str]:
    """The words of a text in small letters; punctuation divides and is left out."""
    return re.findall(r"[a-z0-9]+", text.lower())


def bleu1(truth: str, found: str) -> float:
    """Share of found words that are expected, in [0, 1], higher is better.

    A word counts as often as it is expected. A found text that is shorter than the expected one is
    multiplied by exp(1 - expected / found). 0 if nothing was found.

    Source: Papineni et al., ACL 2002, unigrams with brevity penalty.
    """
    expected, given = words_of(truth), words_of(found)
    if not given:
        return 0.0
    short = exp(1 - len(expected) / len(given)) if len(given) < len(expected) else 1.0
    return short * _common(expected, given) / len(given)


def rouge1(truth: str, found: str) -> float:
    """F1 of the common words, in [0, 1], higher is better; 0 if one text is empty.

    Source: Lin, "ROUGE", 2004, unigrams.
    """
    expected, given = words_of(truth), words_of(found)
    if not expected or not given:
        return 0.0
    return 2 * _common(expected, given) / (len(expected) + len(given))


def _common(expected: list[str], given: list[str]) -> int:
    return sum((Counter(expected) & Counter(given)).values())
