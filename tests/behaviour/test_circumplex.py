"""Places of emotion words."""

import pytest

from mien.behaviour.circumplex import PLACES, places_of


def test_words_keep_their_order_and_their_published_places():
    assert places_of(["sadness", "happiness"]).tolist() == [[-0.63, -0.27], [0.81, 0.51]]
    assert PLACES["neutral"] == (0, 0)
    assert all(-1 <= value <= 1 for place in PLACES.values() for value in place)
    with pytest.raises(KeyError, match="boredom"):
        places_of(["boredom"])
