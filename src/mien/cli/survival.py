"""Commands that fit and apply hazard models to the user's cohort, for research only: survival."""

from pathlib import Path
from typing import Annotated

import typer

from mien.cli.eval.options import (
    AsTable,
    Processor,
    Report,
    basis_of,
    print_findings,
)
from mien.cli.options import check_report
from mien.cli.terminal import complain, print_json_line, progress

app = typer.Typer(
    no_args_is_help=True,
    help="Fit hazard models to a cohort of your own. Research only; no diagnosis.",
)
Cohort = Annotated[
    Path,
    typer.Argument(
        help="CSV: path, time_days, event (0 or 1), optional: age, sex and other numbers.",
        exists=True,
        dir_okay=False,
    ),
]


@app.command()
def fit(
    cohort: Cohort,
    out: Annotated[Path, typer.Option("--out", "-o", help="Model file to write, .json.")],
    device: Processor = "cpu",
    report: Report = None,
    table: AsTable = False,
) -> None:
    """Fit hazard models to a cohort; evaluate each on people outside the fit.

    Example: mien survival fit cohort.csv --out model.json --report cohort.html
    """
    import numpy as np

    from mien.systems.survival_fahr.cohort import embed_faces, read_cohort
    from mien.systems.survival_fahr.findings import findings
    from mien.systems.survival_fahr.fitting import fit as fit_cohort
    from mien.systems.survival_fahr.head import trunk

    check_report(report)
    members = read_cohort(cohort)
    with progress() as on_step:
        seen = embed_faces([one.path for one in members], device, on_step)
    kept = [members[row] for row in seen.rows]
    others = {k: np.array([one.others[k] for one in kept]) for k in kept[0].others}
    others["apparent age"] = seen.ages
    days, events = (np.array([getattr(one, k) for one in kept]) for k in ("days", "event"))
    fitted = fit_cohort(seen.vectors, days, events, others)
    fitted.model.save(out)
    complain(f"model written: {out}")
    basis = (("Embedded by", trunk()), *basis_of(None))
    print_findings(findings(fitted, cohort.name, seen.failures_text(), basis), report, table)


@app.command()
def score(
    pictures: Annotated[
        list[Path], typer.Argument(help="Images of one person each, or folders.", exists=True)
    ],
    model: Annotated[
        Path, typer.Option(help="Model file from mien survival fit.", exists=True, dir_okay=False)
    ],
    device: Processor = "cpu",
) -> None:
    """Score faces against the cohort: log hazard relative to its mean, and quarter.

    Example: mien survival score portraits/ --model model.json
    """
    from mien.media import find_images
    from mien.systems.survival_fahr.cohort import REASONS, embed_faces
    from mien.systems.survival_fahr.findings import LIMITS
    from mien.systems.survival_fahr.head import Model

    fitted = Model.load(model)
    paths = list(find_images(pictures))
    with progress() as on_step:
        seen = embed_faces(paths, device, on_step)
    place = {int(row): number for number, row in enumerate(seen.rows)}
    hazards = fitted(seen.vectors)
    for row, path in enumerate(paths):
        if row in place:
            value = float(hazards[place[row]])
            quarter = int((fitted.quartiles <= value).sum()) + 1
            print_json_line({"image": path, "log_hazard": round(value, 4), "quarter": quarter})
        else:
            reason = seen.failures[row]
            print_json_line({"image": path, "reason": reason, "why": REASONS[reason]})
    for limit in LIMITS:
        complain(limit)
