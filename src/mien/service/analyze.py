"""Analyze: what faces show in photos and films, as one table."""

from collections.abc import Sequence

from mien.behaviour import Baseline, BaselineError
from mien.film import Analyzer
from mien.film import analyze as analyze_sources
from mien.film.analysis import settings
from mien.service.runs import Run, forget, resumable, stamp
from mien.tables import Table

STOPPED = {"interrupted", "full"}  # reasons of a recording after which the same call resumes


def analyze(
    sources: Sequence[str],
    kit: Analyzer,
    *,
    baseline: Baseline | None = None,
    run: Run | None = None,
) -> Table:
    """Measure every face in photos and films: one row per face per frame.

    A run that was stopped resumes where it was when the same call is made again, within a week.

    Args:
        sources: paths of photos and films.
        kit: the models.
        baseline: neutral face of a person who is expected; None: each person's own.
        run: progress and cancellation.

    Returns:
        The table; if the run was stopped, of what was analysed until then.

    Raises:
        BaselineError: the baseline is of somebody who is not there.
        MienError: another process works on the same sources.
    """
    run = run or Run()
    facts = [settings(kit), kit.names, [stamp(source) for source in sources]]
    with resumable("analyze", facts) as place:
        try:
            table = analyze_sources(sources, kit, baseline=baseline, folder=place, on_step=run.step)
        except BaselineError:
            forget(place)  # it holds vectors of faces
            raise
        if not set(table.recordings["reason"]) & STOPPED:
            forget(place)
    return table
