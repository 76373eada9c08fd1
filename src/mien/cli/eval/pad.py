"""Command that evaluates presentation attack detection from a table: mien eval pad."""

from typing import Annotated

import typer

from mien.cli.eval.options import (
    AsTable,
    Label,
    Report,
    Table,
    basis_of,
    print_findings,
    require_place,
)


def pad(
    source: Table,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Threshold that a live score must exceed; set on other data.", show_default=False
        ),
    ] = None,
    apcer: Annotated[
        float, typer.Option(help="Target APCER; rows with use=set define the threshold.")
    ] = 0.05,
    data: Label = "",
    report: Report = None,
    table: AsTable = False,
) -> None:
    """Evaluate presentation attack detection by species (ISO/IEC 30107-3).

    Columns: species (bona-fide for real people), subject, score (higher = more
    likely bona fide; empty = no response); optional: accepted (0 or 1), domain,
    use (set or test).

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
    print_findings(findings, report, table)
