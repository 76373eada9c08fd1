"""The engine for films and cameras: frames, tracks, stages, segments, results."""

from mien.film.analysis import analyze, fit_baseline
from mien.film.analyzer import Analyzer, open_analyzer
from mien.film.identify import identify_film

__all__ = [
    "Analyzer",
    "analyze",
    "fit_baseline",
    "identify_film",
    "open_analyzer",
]
