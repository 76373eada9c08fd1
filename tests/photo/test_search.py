"""The search of a gallery: norms of templates are kept, and a full cache loses no answer."""

import numpy as np
import pytest

import mien.photo.search
from mien.gallery import Template, open_gallery
from mien.gallery.recall import Recall
from mien.photo.search import GallerySearch
from mien.types import Face


def test_a_full_cache_of_norms_changes_no_decision(tmp_path, toy_pipeline, monkeypatch):
    contract = toy_pipeline.embedder.contract
    vectors = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    faces = [Face(np.zeros(4, np.float32), 1.0, embedding=v) for v in vectors]
    with open_gallery(tmp_path / "g.mien", contract, create=True) as gallery:
        search = GallerySearch(gallery, toy_pipeline.calibrated())
        gallery.add([Template("P0", vectors[0], contract)])
        search(vectors[:1], faces[:1])
        monkeypatch.setattr(mien.photo.search, "KEPT", 2)  # the next search exceeds it
        gallery.add([Template(f"P{i}", v, contract) for i, v in enumerate(vectors) if i])
        told = search(vectors, faces)
        fresh = GallerySearch(gallery, toy_pipeline.calibrated())(vectors, faces)
    assert [one.candidates for one in told] == [one.candidates for one in fresh]
    assert [one.candidates[0].person for one in told] == [f"P{i}" for i in range(6)]


def test_a_decision_states_the_recall_of_an_approximate_search(tmp_path, toy_pipeline):
    contract = toy_pipeline.embedder.contract
    vector = np.eye(1, 3, dtype=np.float32)
    face = Face(np.zeros(4, np.float32), 1.0, embedding=vector[0])
    with open_gallery(tmp_path / "g.mien", contract, create=True) as gallery:
        search = GallerySearch(gallery, toy_pipeline.calibrated())
        gallery.add([Template("Ada", vector[0], contract)])
        assert search(vector, [face])[0].basis.recall is None  # it is exact
        gallery.engine.recall = Recall(wanted=100, found=99)
        assert search(vector, [face])[0].basis.recall == pytest.approx(0.9455, abs=1e-3)
