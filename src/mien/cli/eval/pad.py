"""mien eval on tables that other tools wrote: pad."""

from typing import Annotated

import typer

from mien.cli.eval.options import AsTable, Label, Report, Table, basis_of, require_place, tell


def pad(
    source: Table,
    threshold: Annotated[
        float | None,
        typer.Option(help="Score that must be exceeded; set on other data.", show_default=False),
    ] = None,
    apcer: Annotated[
        float, typer.Option(help="APCER that rows marked use=set set the threshold for.")
    ] = 0.05,
    data: Label = "",
    report: Report = None,
    table: AsTable = False,
) -> None:
    """Are presentation attacks noticed? ISO/IEC 30107-3, by species.

    Columns: species (bona-fide for real people), subject, score (higher = more live; empty: no
    response), and perhaps accepted (0 or 1), domain, use (set or test).

    Example: mien eval pad presentations.csv --threshold 0.5 --report pad.html
    """
    from mien.evaluate.liveness import liveness, presentations_in

    require_place(report)
    presentations = presentations_in(source)
    findings = liveness(
        presentations,
        threshold=threshold,
        rate=apcer,
        data=data or source.name,
        basis=basis_of(None),
    )
    tell(findings, report, table)
