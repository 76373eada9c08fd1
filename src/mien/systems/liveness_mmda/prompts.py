"""Words of the two classes, as fixed vectors: hashed bags of words, not a language model."""

import hashlib

import numpy as np

from mien.systems.liveness_mmda.head import PARTS
from mien.types import Doubles

NAMES = {"rgb": "colour photo", "depth": "depth map", "infrared": "infrared image"}
LIVE = (
    "a live face", "a real face", "a genuine face", "a bona fide face", "a living person",
    "a real human face", "a genuine person", "a live human", "skin of a living person",
)  # fmt: skip
ATTACK = (
    "a fake face", "a spoof face", "a presentation attack", "a printed face", "a replayed face",
    "a face on a screen", "a face on paper", "a mask of a face", "a cut-out of a face",
)  # fmt: skip
# Words that mean the same share a vector, which a bag of hashes does not know by itself.
SAME = {"real": "live", "genuine": "live", "bona": "live", "fide": "live", "living": "live",
        "human": "person", "spoof": "fake", "printed": "paper", "replayed": "screen"}  # fmt: skip


def prompts(width: int, seed: int = 0) -> Doubles:
    """(2, M, 9, width) unit vectors: attack and live, for each modality and paraphrase."""
    texts = [
        [[f"{text} in a {NAMES[part]}" for text in group] for part in PARTS]
        for group in (ATTACK, LIVE)
    ]
    return np.array(
        [[[_vector(text, width, seed) for text in t] for t in group] for group in texts]
    )


def _vector(text: str, width: int, seed: int) -> Doubles:
    total = np.zeros(width)
    for word in text.split():
        word = SAME.get(word, word)
        digest = hashlib.sha256(f"{seed} {word}".encode()).digest()
        total += np.random.default_rng(int.from_bytes(digest[:8], "big")).normal(0, 1, width)
    return np.asarray(total / np.linalg.norm(total))
