"""Commands about who somebody is: enroll, identify, verify."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.faces import Drawn, draw_into, stop_if_failed
from mien.cli.film import Wanted, films_in, identify_films
from mien.cli.options import (
    GALLERY,
    AsTable,
    CalibrationPath,
    CommercialOnly,
    DetectorName,
    DeviceName,
    EmbedderName,
    GalleryPath,
    Lines,
    Pictures,
    Prior,
    TurnsChoice,
    each_picture,
    open_picture,
    opened,
    pictures,
)
from mien.cli.terminal import complain, print_json_line, print_table, progress
from mien.zoo import DETECTOR, EMBEDDER

if TYPE_CHECKING:
    from mien.photo import Pipeline


def enroll(
    source: Annotated[
        Path,
        typer.Argument(help="A folder a person, Name.jpg files, or a CSV with person,path."),
    ],
    gallery: GalleryPath = GALLERY,
    detector: DetectorName = DETECTOR,
    embedder: EmbedderName = EMBEDDER,
    turns: TurnsChoice = "when-needed",
    allow_conflicts: Annotated[
        bool, typer.Option(help="Take pictures that look like somebody else in the gallery.")
    ] = False,
    retry: Annotated[bool, typer.Option(help="Look again at pictures refused before.")] = False,
    calibration: CalibrationPath = None,
    table: AsTable = False,
    device: DeviceName = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Add people to a gallery; every refused picture is told with its reason.

    Each picture is on disk before the next is looked at: after Ctrl-C or a crash the same
    command goes on where it stopped.

    Example: mien enroll family/ --gallery family.mien
    """
    from mien.gallery import open_gallery
    from mien.service import enroll as run
    from mien.service import items_in

    items = items_in(source)
    pipeline = opened(detector, embedder, device, commercial_only, turns, calibration=calibration)
    contract = pipeline.embedder.contract if pipeline.embedder else None
    counts: Counter[str] = Counter()
    rows = []
    with open_gallery(gallery, contract, create=True) as known, progress() as on_step:
        for done, result in enumerate(
            run(items, pipeline, known, allow_conflicts=allow_conflicts, retry=retry), 1
        ):
            on_step("enroll", done, len(items))
            counts[result.outcome] += 1
            item = result.item
            if result.outcome == "refused":
                rows.append([item.person, item.path.name, result.reason])
                complain(f"{item.path}: refused, {result.reason}. {result.detail or ''}".rstrip())
            if not table:
                row = {"person": item.person, "image": item.path, "outcome": result.outcome}
                print_json_line(
                    {**row, "reason": result.reason, "detail": result.detail, "id": result.template}
                )
    if table:
        print_table(["person", "refused picture", "why"], rows)
        told = ", ".join(f"{counts[key]:,} {key}" for key in ("enrolled", "already", "refused"))
        typer.echo(f"{len(items):,} pictures: {told}. Gallery: {gallery}")


def identify(
    images: Pictures,
    gallery: GalleryPath = GALLERY,
    fpir: Annotated[
        float,
        typer.Option(help="Share of searches for strangers that may give a name, e.g. 0.01."),
    ] = 0.01,
    detector: DetectorName = DETECTOR,
    embedder: EmbedderName = EMBEDDER,
    turns: TurnsChoice = "when-needed",
    draw: Drawn = None,
    report: Annotated[
        Path | None, typer.Option(help="HTML file with pictures, or a film's timeline.")
    ] = None,
    tables: Annotated[
        Path | None,
        typer.Option(help="Films: folder for JSON, CSV, WebVTT chapters and a contact sheet."),
    ] = None,
    every: Annotated[
        float, typer.Option(help="Films: seconds between looks; 0 looks at every frame.")
    ] = 0.1,
    blur: Annotated[
        str | None,
        typer.Option(help="Films: whom --draw hides: unknown, all, or Ada,Ben."),
    ] = None,
    looks: Annotated[
        Path | None,
        typer.Option(help="Films: keep what was seen here; it holds vectors of faces."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File of JSON lines; continued if it exists.")
    ] = None,
    calibration: CalibrationPath = None,
    prior: Prior = 0.5,
    table: AsTable = False,
    device: DeviceName = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Say who is in each picture, or in a film and when: match, review or unknown, and why.

    A film that was stopped goes on where it was with the same command.

    Example: mien identify party/ --gallery family.mien --report party.html
    """
    from mien.gallery import open_gallery

    films = films_in(images)
    names = films or pictures(images)
    pipeline = opened(
        detector,
        embedder,
        device,
        commercial_only,
        turns,
        fpir=fpir,
        prior=prior,
        calibration=calibration,
    )
    contract = pipeline.embedder.contract if pipeline.embedder else None
    with open_gallery(gallery, contract, read_only=True) as known:
        pipeline.use(known)
        asked = {"gallery": str(gallery), "stamp": known.stamp(), "fpir": fpir, "turns": turns}
        used = {"calibration": pipeline.calibrated().name, "prior": prior}
        lines = Lines(out, {**asked, **used, "embedder": contract, "detector": detector})
        names = [name for name in names if name not in lines.done]
        if lines.done and (table or report or draw):
            complain(f"{len(lines.done)} are done already and not shown again.")
        if films:
            wanted = Wanted(every, draw, blur, tables, report, looks)
            failed = identify_films(names, pipeline, wanted, lines, table)
        else:
            failed = identify_pictures(names, pipeline, Shown(draw, report, table), lines)
    lines.close()
    stop_if_failed(failed)


@dataclass(frozen=True, slots=True)
class Shown:
    """How the answers about pictures are shown, beside their rows."""

    draw: Path | None
    report: Path | None
    table: bool


def identify_pictures(names: list[str], pipeline: "Pipeline", shown: Shown, lines: Lines) -> int:
    """Say who is in each picture; give how many could not be read."""
    from mien.report import entry, write_answers
    from mien.service.schema import answer_row

    rows, entries, failed = [], [], 0
    for name, image, error in each_picture(names, "identify"):
        answer = pipeline(image) if image is not None else None
        failed += answer is None
        if shown.table:
            rows += table_rows(name, answer)
        if not shown.table or lines.in_file:
            lines.write(answer_row(answer, name) if answer else {"image": name, "error": error})
        if shown.draw and answer and image is not None:
            draw_into(shown.draw, name, image, answer.faces)
        if shown.report:
            entries.append(entry(name, image, answer, error))
    if shown.table:
        columns = ["picture", "person", "answer", "similarity>", "probability>", "threshold>"]
        print_table(columns, rows)
    if shown.report:
        write_answers(shown.report, entries, pipeline)
        complain(f"report written: {shown.report}")
    return failed


def table_rows(name: str, answer: Any) -> list[list[Any]]:
    """One row a face for --table; a picture without one gets a row with the reason."""
    short = Path(name).name
    if answer is None:
        return [[short, None, "unreadable", None, None, None]]
    if not answer.faces:
        return [[short, None, f"no face ({answer.reason})", None, None, None]]
    rows = []
    for face in answer.faces:
        one = face.decision
        threshold = one.basis.threshold if one.basis else None
        likeness, sure = (
            None if v is None else f"{v:.3f}" for v in (one.similarity, one.probability)
        )
        bar = None if threshold is None else f"{threshold:.3f}"
        rows.append([short, one.person, one.outcome, likeness, sure, bar])
    return rows


def verify(
    first: Annotated[str, typer.Argument(help="A picture of one person.")],
    second: Annotated[str, typer.Argument(help="A picture of the same person, or of another.")],
    fmr: Annotated[
        float, typer.Option(help="Share of pairs of strangers that may pass, e.g. 0.001.")
    ] = 1e-3,
    detector: DetectorName = DETECTOR,
    embedder: EmbedderName = EMBEDDER,
    turns: TurnsChoice = "when-needed",
    calibration: CalibrationPath = None,
    prior: Prior = 0.5,
    table: AsTable = False,
    device: DeviceName = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Say whether two pictures show one person: match, review or unknown, and why.

    Example: mien verify passport.jpg selfie.jpg --fmr 1e-4
    """
    from mien.service.schema import decision_row

    pipeline = opened(
        detector, embedder, device, commercial_only, turns, prior=prior, calibration=calibration
    )
    faces = [pipeline.only_face(open_picture(name), name) for name in (first, second)]
    decision = pipeline.verify(faces[0], faces[1], fmr=fmr)
    if not table:
        print_json_line({"images": [first, second], **decision_row(decision)})
        return
    basis = decision.basis
    assert basis is not None
    rows: list[list[Any]] = [
        ["answer", decision.outcome],
        ["similarity", decision.similarity],
        ["probability", f"{decision.probability:.4f} (it was {decision.prior:g} before looking)"],
        ["threshold", f"{basis.threshold:.3f} (95 %: {basis.low:.3f} to {basis.high:.3f})"],
        ["asked for", f"FMR {basis.fmr:g}"],
        ["measured on", basis.calibration],
    ]
    print_table(["", ""], rows)
    typer.echo(decision.reason)
