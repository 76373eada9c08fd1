import pytest

from mien.errors import LicenceError, UnknownModelError, WeightsError
from mien.zoo import cards, find, load, require_commercial


@pytest.mark.parametrize(("typed", "meant"), [("mtcn", "mtcnn"), ("dlib-resnet", "dlib-resnet29")])
def test_a_slip_of_the_finger_is_answered_with_the_name_that_was_meant(typed, meant):
    with pytest.raises(UnknownModelError, match=rf"no model '{typed}'\. Did you mean '{meant}'"):
        load(typed)


def test_a_name_unlike_any_other_is_answered_with_the_list():
    with pytest.raises(UnknownModelError, match="mien models list"):
        find("zzzzzz")


def test_weights_that_forbid_commercial_use_are_refused_before_anything_is_fetched(cache):
    with pytest.raises(LicenceError) as error:
        load("scrfd-10g", commercial_only=True)
    said = str(error.value)
    assert "LicenseRef-InsightFace-NonCommercial" in said
    assert "forbids commercial use" in said
    assert "mtcnn" in said
    assert "scrfd-500m" not in said
    assert not cache.exists()


def test_unclear_is_not_allowed():
    with pytest.raises(LicenceError, match=r"is unclear on commercial use.*dlib-resnet29"):
        require_commercial(cards()["mobilefacenet"])


def test_weights_that_allow_it_pass():
    for card in cards().values():
        if card.commercial is True:
            require_commercial(card)


def test_loading_from_a_folder_asks_nobody_else(tmp_path):
    with pytest.raises(WeightsError, match=r"lacks files of 'mtcnn': add pnet\.lz4"):
        load("mtcnn", from_dir=tmp_path)


@pytest.mark.weights
def test_a_model_is_opened_with_its_name_digest_and_options():
    model = load("mtcnn", min_face=40.0)
    card = cards()["mtcnn"]
    assert (model.name, model.digest, model.min_face) == ("mtcnn", card.digest, 40.0)
    with pytest.raises(TypeError, match="no_such_option"):
        load("mtcnn", no_such_option=1)
