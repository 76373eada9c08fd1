"""Analysis of films and images: one table of all measures."""

from collections.abc import Sequence
from os import PathLike

from mien.behaviour import Baseline, BaselineError
from mien.film import Analyzer
from mien.film import analyze as analyze_sources
from mien.film.analysis import settings
from mien.service.runs import Run, forget, resumable, stamp
from mien.tables import Table

STOPPED = {"interrupted", "full"}  # reasons of a recording after which the same call resumes


def analyze(
    sources: Sequence[str],
    analyzer: Analyzer,
    *,
    baseline: Baseline | None = None,
    folder: str | PathLike[str] | None = None,
    run: Run | None = None,
) -> Table:
    """Measure every face in films and images: one row per face per frame.

    The same call resumes a stopped run within one week.

    Args:
        sources: paths of images and films.
        analyzer: the models.
        baseline: baseline of the person who is expected; None: fitted per person.
        folder: stores the rows of a run for as long as the caller keeps it; None: a stopped run
            is stored in MIEN_HOME/runs for one week.
        run: progress and cancellation.

    Returns:
        The table; after a stop, the table of the rows up to that point.

    Raises:
        BaselineError: the person of the baseline is not in the sources.
        MienError: another process works on the same sources.
    """
    run = run or Run()
    if folder is not None:
        return analyze_sources(
            sources, analyzer, baseline=baseline, folder=folder, on_step=run.step
        )
    facts = [settings(analyzer), analyzer.names, [stamp(source) for source in sources]]
    with resumable("analyze", facts) as place:
        try:
            table = analyze_sources(
                sources, analyzer, baseline=baseline, folder=place, on_step=run.step
            )
        except BaselineError:
            forget(place)  # it holds embeddings
            raise
        if not set(table.recordings["reason"]) & STOPPED:
            forget(place)
    return table
