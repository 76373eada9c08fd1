"""Probable duplicates: names that share a face, and images that were enrolled twice."""

import numpy as np
import pytest

import mien.gallery.duplicates
from mien.gallery import Limit, Template, repeated_templates, similar_people

CONTRACT = "toy-16:0f0f"


def turned(*angles):
    """Unit vectors at these angles (degrees) in one plane."""
    vectors = np.zeros((len(angles), 16), dtype=np.float32)
    vectors[:, 0], vectors[:, 1] = np.cos(np.deg2rad(angles)), np.sin(np.deg2rad(angles))
    return vectors


@pytest.fixture
def filled(gallery):
    people = {"Ada": [0, 3], "Augusta": [4, 80], "Ben": [60], "Cy": [200], "Benny": [66]}
    gallery.add(
        Template(name, vector, CONTRACT)
        for name, angles in people.items()
        for vector in turned(*angles)
    )
    return gallery


def test_names_that_share_a_face_are_told_with_their_most_similar_templates(filled):
    steps = []
    found = similar_people(filled, Limit(np.cos(np.deg2rad(7))), lambda *step: steps.append(step))
    assert [(p.first, p.second, p.templates) for p in found] == [
        ("Ada", "Augusta", (2, 3)),  # 1 degree; 4 degrees are the same pair of names
        ("Ben", "Benny", (5, 7)),
    ]
    assert [p.score for p in found] == pytest.approx(np.cos(np.deg2rad([1, 6])), abs=1e-6)
    assert steps == [("compare", 7, 7)]
    assert [p.first for p in similar_people(filled, Limit(np.cos(np.deg2rad(5))))] == ["Ada"]
    assert similar_people(filled, Limit(1.0)) == []


def test_a_face_with_many_names_gives_all_pairs(gallery, monkeypatch):
    monkeypatch.setattr(mien.gallery.duplicates, "PAGE", 7)
    gallery.add(Template(f"p{i:02}", v, CONTRACT) for i, v in enumerate(turned(*range(12))))
    found = similar_people(gallery, Limit(0.9))
    assert len({(p.first, p.second) for p in found}) == len(found) == 12 * 11 / 2


@pytest.mark.parametrize("page", [1, 2, 1000])
def test_repeated_templates_of_one_person_are_told(filled, monkeypatch, page):
    monkeypatch.setattr(mien.gallery.duplicates, "PAGE", page)
    [pair] = repeated_templates(filled, np.cos(np.deg2rad(4)))
    assert (pair.first, pair.second, pair.templates) == ("Ada", "Ada", (1, 2))
    assert repeated_templates(filled, np.cos(np.deg2rad(2))) == []


def test_an_empty_gallery_has_no_duplicates(gallery):
    assert similar_people(gallery, Limit(0.5)) == repeated_templates(gallery, 0.5) == []
