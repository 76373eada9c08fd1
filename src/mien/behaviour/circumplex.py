"""Published places of emotion words on the axes of pleasure (valence) and arousal."""

from collections.abc import Sequence

import numpy as np

from mien.types import Doubles

# Mean ratings on [-1, 1]; "neutral" is the middle. Source: Russell and Mehrabian, "Evidence for a
# three-factor theory of emotions", Journal of Research in Personality 11, 1977: angry, disgusted,
# fearful, happy, sad, surprised.
PLACES: dict[str, tuple[float, float]] = {
    "anger": (-0.51, 0.59),
    "disgust": (-0.60, 0.35),
    "fear": (-0.64, 0.60),
    "happiness": (0.81, 0.51),
    "neutral": (0.0, 0.0),
    "sadness": (-0.63, -0.27),
    "surprise": (0.40, 0.67),
}


def places_of(words: Sequence[str]) -> Doubles:
    """(C, 2) valence and arousal of each word.

    Raises:
        KeyError: a word has no place.
    """
    return np.array([PLACES[word] for word in words])
