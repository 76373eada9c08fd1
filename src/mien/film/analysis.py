"""Analysis of films and images: sources in, one table out."""

import os
import tempfile
from collections.abc import Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mien.behaviour import Baseline
from mien.errors import CancelledError, MienError, StorageError
from mien.film.analyzer import Analyzer, licences, without_default_clips
from mien.film.assemble import assemble_table
from mien.film.baselines import apply_baselines, fit_person_baseline
from mien.film.checkpoint import RowCheckpoint
from mien.film.scanner import EVERY
from mien.film.sources import in_order
from mien.landmarks.mesh_tracker import EVERY as SEARCHED
from mien.media import is_film, one_thread
from mien.tables import Table, require
from mien.types import OnStep


def analyze(
    sources: "Sequence[str | os.PathLike[str]]",
    analyzer: Analyzer,
    *,
    baseline: Baseline | None = None,
    folder: str | os.PathLike[str] | None = None,
    on_step: OnStep = lambda name, done, total: None,
) -> Table:
    """Measure every face in films and images; each source is decoded once.

    Args:
        sources: films and images.
        analyzer: the models.
        baseline: of the person who is expected; None: each person's own, fitted to the whole
            film; for images, the average baseline.
        folder: stores rows, so that a stopped run can continue; delete it when the run is
            complete. None stores nothing.
        on_step: called with "film" and seconds, or "pictures" and counts: done, total.

    Returns:
        The table. If the run is stopped by Ctrl-C, a full disk or a broken film, it holds the
        rows up to that point, and `recordings` states the reason.

    Raises:
        BaselineError: the person of the baseline is not in the sources.
        MienError: the folder belongs to other sources or settings.
    """
    require()
    names = [str(source) for source in sources]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise MienError(f"Source '{twice[0]}' is given twice; give each source once.")
    if not any(is_film(name) for name in names):
        analyzer = without_default_clips(analyzer)
    identity = {"inputs": names, "sizes": [_size(name) for name in names], **settings(analyzer)}
    with _place(folder) as place, one_thread():
        checkpoint = RowCheckpoint(place, analyzer.columns(), identity)
        stopped = _run(names, analyzer, checkpoint, on_step)
        facts = {
            "mien": version("mien"),
            "models": analyzer.models,
            "licences": licences([model.partition("@")[0] for model in analyzer.models.values()]),
            "settings": {key: identity[key] for key in settings(analyzer)},
        }
        table, vectors = assemble_table(checkpoint, analyzer, names, facts, stopped)
        return apply_baselines(table, analyzer, baseline, vectors)


def fit_baseline(
    sources: "Sequence[str | os.PathLike[str]]",
    analyzer: Analyzer,
    *,
    person: str | None = None,
    on_step: OnStep = lambda name, done, total: None,
) -> tuple[Baseline, str]:
    """Fit the baseline of a person in films or images, for later use.

    Args:
        sources: films, or images of one person.
        analyzer: with an embedder, the baseline stores an embedding, and other people are refused.
        person: name in `people` of a table; None: the person with the most measured frames.
        on_step: as for `analyze`.

    Returns:
        The baseline, and the name of the person.

    Raises:
        BaselineError: no person has that name, or no near-frontal face is found.
    """
    require()
    names = [str(source) for source in sources]
    with tempfile.TemporaryDirectory(prefix="mien-") as place, one_thread():
        checkpoint = RowCheckpoint(Path(place), analyzer.columns(), {"inputs": names})
        stopped = _run(names, analyzer, checkpoint, on_step)
        if stopped:
            raise MienError(f"The run was stopped ({stopped}); repeat the command to continue.")
        table, vectors = assemble_table(checkpoint, analyzer, names, {}, None)
    return fit_person_baseline(table, analyzer, vectors, person)


def settings(analyzer: Analyzer) -> dict[str, Any]:
    """Return the settings that the results depend on, without the sources."""
    return {
        "every": analyzer.every,
        "searched": EVERY if analyzer.names else SEARCHED,
        "points": analyzer.points,
        "fov": analyzer.fov,
        "turns": analyzer.pipeline.turns,
        "models": {step: model.partition(" on ")[0] for step, model in analyzer.models.items()},
    }


def _size(name: str) -> int | None:
    path = Path(name)
    return path.stat().st_size if path.is_file() else None


@contextmanager
def _place(folder: str | os.PathLike[str] | None) -> Any:
    if folder is not None:
        yield Path(folder)
        return
    with tempfile.TemporaryDirectory(prefix="mien-") as name:
        yield Path(name)


def _run(
    names: list[str], analyzer: Analyzer, checkpoint: RowCheckpoint, on_step: OnStep
) -> str | None:
    """Analyse all open sources; return the reason if the run is incomplete."""
    state = checkpoint.last
    first = state["source"] + state["done"] if state else 0
    pictures = sum(not is_film(name) for name in names)
    done = sum(not is_film(name) for name in names[:first])
    open_sources = list(enumerate(names))[first:]
    if analyzer.pipeline.cluster is None:
        measured = in_order(open_sources, analyzer, checkpoint, on_step)
    else:
        from mien.film.spreading import on_cluster

        measured = on_cluster(open_sources, analyzer, checkpoint, on_step)
    try:
        for name in measured:
            if not is_film(name):
                done += 1
                on_step("pictures", done, pictures)
        checkpoint.flush()
    except (KeyboardInterrupt, CancelledError):
        return _kept(checkpoint) or "interrupted"
    except StorageError:
        return "full"
    return None


def _kept(checkpoint: RowCheckpoint) -> str | None:
    try:
        checkpoint.flush()
    except StorageError:
        return "full"
    return None
