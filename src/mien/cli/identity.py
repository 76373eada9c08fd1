"""Commands about identity: enroll, identify, verify."""

import sys
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.faces import Drawn, draw_into, stop_if_failed
from mien.cli.film import FilmOutputs, complain_incomplete, film_rows
from mien.cli.options import (
    GALLERY,
    AsTable,
    CalibrationPath,
    CommercialOnly,
    DetectorName,
    DeviceName,
    EmbedderName,
    GalleryPath,
    Pictures,
    Prior,
    TurnsChoice,
    check_report,
    opened,
    searching,
    source_of,
    sources_of,
)
from mien.cli.terminal import STOPPED, complain, print_json_line, print_table, progress
from mien.errors import MienError
from mien.types import OnStep
from mien.zoo import DETECTOR, EMBEDDER

if TYPE_CHECKING:
    from mien.photo import Pipeline
    from mien.service.identify import Identified
    from mien.service.result_log import ResultLog

OLD_SEGMENTS = "--looks"  # deprecated name of --segments, for one release


def enroll(
    source: Annotated[
        Path,
        typer.Argument(
            help="Folder with one folder per person or Name.jpg files; or a CSV with person,path."
        ),
    ],
    gallery: GalleryPath = GALLERY,
    detector: DetectorName = DETECTOR,
    embedder: EmbedderName = EMBEDDER,
    turns: TurnsChoice = "when-needed",
    allow_conflicts: Annotated[
        bool, typer.Option(help="Accept images that are similar to another person of the gallery.")
    ] = False,
    retry: Annotated[
        bool, typer.Option(help="Process images again that were refused before.")
    ] = False,
    calibration: CalibrationPath = None,
    table: AsTable = False,
    device: DeviceName = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Add people to a gallery; report each refused image with its reason.

    Each result is stored before the next image is processed. The same command
    continues a run that was stopped.

    Example: mien enroll family/ --gallery family.mien
    """
    from mien.gallery import open_gallery
    from mien.service import Run, items_in
    from mien.service import enroll as run
    from mien.service.schema import enrolled_row

    items = items_in(source, skipped=complain)
    pipeline = opened(detector, embedder, device, commercial_only, turns, calibration=calibration)
    contract = pipeline.embedder.contract if pipeline.embedder else None
    counts: Counter[str] = Counter()
    rows = []
    with open_gallery(gallery, contract, create=True) as known, progress() as on_step:
        how = {"allow_conflicts": allow_conflicts, "retry": retry}
        for result in run(items, pipeline, known, **how, run=Run(on_step)):
            counts[result.outcome] += 1
            item = result.item
            if result.outcome == "refused":
                rows.append([item.person, item.path.name, result.reason])
                complain(f"{item.path}: refused, {result.reason}. {result.detail or ''}".rstrip())
            if not table:
                print_json_line(enrolled_row(result))
    if table:
        print_table(["person", "refused image", "reason"], rows)
        summary = ", ".join(f"{counts[key]:,} {key}" for key in ("enrolled", "already", "refused"))
        typer.echo(f"{len(items):,} images: {summary}. Gallery: {gallery}")


def identify(
    images: Pictures,
    gallery: GalleryPath = GALLERY,
    fpir: Annotated[
        float,
        typer.Option(help="False positive identification rate to work at, such as 0.01."),
    ] = 0.01,
    detector: DetectorName = DETECTOR,
    embedder: EmbedderName = EMBEDDER,
    turns: TurnsChoice = "when-needed",
    draw: Drawn = None,
    report: Annotated[
        Path | None, typer.Option(help="HTML file with images, or with the timeline of a film.")
    ] = None,
    tables: Annotated[
        Path | None,
        typer.Option(help="Films: folder for JSON, CSV, WebVTT chapters and a contact sheet."),
    ] = None,
    every: Annotated[
        float, typer.Option(help="Films: seconds between sampled frames (0 = every frame).")
    ] = 0.1,
    blur: Annotated[
        str | None,
        typer.Option(help="Films: people to blur with --draw: unknown, all, or Ada,Ben."),
    ] = None,
    segments: Annotated[
        Path | None,
        typer.Option(help="Films: file to store segments in; it holds embeddings of faces."),
    ] = None,
    old_segments: Annotated[Path | None, typer.Option(OLD_SEGMENTS, hidden=True)] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File of JSON lines; continued if it exists.")
    ] = None,
    calibration: CalibrationPath = None,
    prior: Prior = 0.5,
    table: AsTable = False,
    device: DeviceName = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Identify people in images and films: match, review or unknown, with reason.

    The same command continues a film that was stopped.

    Example: mien identify party/ --gallery family.mien --report party.html
    """
    from mien.media import is_film
    from mien.service import identify as run_identification
    from mien.service.result_log import ResultLog
    from mien.service.runs import Run

    names = sources_of(images)
    films = [name for name in names if is_film(name)]
    check_report(report)
    if old_segments:
        complain(f"{OLD_SEGMENTS} is deprecated; use --segments instead.")
    segments = segments or old_segments
    if segments and len(films) > 1:
        raise MienError(f"--segments needs exactly one film, got {len(films)}; name one film.")
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
    outputs = FilmOutputs(draw, blur, tables, report, alone=len(names) == 1)
    with searching(pipeline, gallery):
        log = ResultLog.of_identification(out, pipeline, gallery) if out else None
        done = log.done if log else set()
        if done and (table or report or draw):
            complain(f"{len(done)} results are in the file already and are not shown again.")
        todo = [
            sys.stdin.buffer.read() if name == "-" else name for name in names if name not in done
        ]
        shown = Shown(pipeline, outputs, table, log)
        with log or nullcontext(), progress() as on_step:
            every = 0.0 if blur else every  # a blurred film needs every frame
            found = run_identification(todo, pipeline, every=every, keep=segments, run=Run(on_step))
            for one in found:
                shown(one, on_step)
    shown.finish()


class Shown:
    """Print or write each answer as it arrives, and tables and the report at the end."""

    def __init__(
        self, pipeline: "Pipeline", outputs: FilmOutputs, table: bool, log: "ResultLog | None"
    ) -> None:
        self._pipeline, self._outputs, self._table, self._log = pipeline, outputs, table, log
        self._photos: list[list[Any]] = []
        self._films: list[list[Any]] = []
        self._entries: list[Any] = []
        self._failed = 0
        self._stopped = False

    def __call__(self, one: "Identified", on_step: OnStep) -> None:
        """Process the answer for one image or film."""
        if one.error:
            complain(one.error)
            self._failed += 1
        if one.film is not None:
            complain_incomplete(one.source, one.film)
            self._outputs.write(one, self._pipeline, on_step)
            self._films += film_rows(one.source, one.film)
            self._stopped |= one.film.reason == "interrupted"
        elif one.answer is not None or not is_film_name(one.source):
            self._photo(one)
        self._row(one)

    def _photo(self, one: "Identified") -> None:
        from mien.report import entry

        if self._outputs.draw and one.answer and one.image is not None:
            draw_into(self._outputs.draw, one.source, one.image, one.answer.faces)
        if self._outputs.report:
            self._entries.append(entry(one.source, one.image, one.answer, one.error or ""))
        if self._table:
            self._photos += table_rows(one.source, one.answer)

    def _row(self, one: "Identified") -> None:
        from mien.service.schema import identified_row

        if self._log:
            self._log.append(identified_row(one))
        elif not self._table:
            print_json_line(identified_row(one))

    def finish(self) -> None:
        """Print the tables, write the report of the images, and set the exit code."""
        from mien.report import write_answers

        if self._photos:
            columns = ["picture", "person", "answer", "similarity>", "probability>", "threshold>"]
            print_table(columns, self._photos)
        if self._table and self._films:
            print_table(["film", "person", "answer", "seconds>", "when"], self._films)
        if self._entries and self._outputs.report:
            write_answers(self._outputs.report, self._entries, self._pipeline)
            complain(f"report written: {self._outputs.report}")
        if self._stopped:
            raise typer.Exit(STOPPED)
        stop_if_failed(self._failed)


def is_film_name(source: str) -> bool:
    """Return whether the name of a source is that of a film."""
    from mien.media import is_film

    return source != "-" and is_film(source)


def table_rows(name: str, answer: Any) -> list[list[Any]]:
    """Return one row per face for --table; an image without a face has a row with the reason."""
    short = Path(name).name
    if answer is None:
        return [[short, None, "unreadable", None, None, None]]
    if not answer.faces:
        return [[short, None, f"no face ({answer.reason})", None, None, None]]
    rows = []
    for face in answer.faces:
        one = face.decision
        threshold = one.basis.threshold if one.basis else None
        similarity, sure = (
            None if v is None else f"{v:.3f}" for v in (one.similarity, one.probability)
        )
        bar = None if threshold is None else f"{threshold:.3f}"
        rows.append([short, one.person, one.outcome, similarity, sure, bar])
    return rows


def verify(
    first: Annotated[str, typer.Argument(help="First image, which shows one face.")],
    second: Annotated[str, typer.Argument(help="Second image, which shows one face.")],
    fmr: Annotated[float, typer.Option(help="False match rate to work at, such as 0.001.")] = 1e-3,
    detector: DetectorName = DETECTOR,
    embedder: EmbedderName = EMBEDDER,
    turns: TurnsChoice = "when-needed",
    calibration: CalibrationPath = None,
    prior: Prior = 0.5,
    table: AsTable = False,
    device: DeviceName = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Decide whether two images show one person: match, review or unknown.

    Example: mien verify passport.jpg selfie.jpg --fmr 1e-4
    """
    from mien.service import verify as run_verification
    from mien.service.schema import verified_row

    pipeline = opened(
        detector, embedder, device, commercial_only, turns, prior=prior, calibration=calibration
    )
    decision = run_verification(source_of(first), source_of(second), pipeline, fmr=fmr)
    if not table:
        print_json_line(verified_row(first, second, decision))
        return
    basis = decision.basis
    assert basis is not None
    rows: list[list[Any]] = [
        ["answer", decision.outcome],
        ["similarity", decision.similarity],
        ["probability", f"{decision.probability:.4f} (prior: {decision.prior:g})"],
        ["threshold", f"{basis.threshold:.3f} (95 %: {basis.low:.3f} to {basis.high:.3f})"],
        ["requested", f"FMR {basis.fmr:g}"],
        ["measured on", basis.calibration],
    ]
    print_table(["", ""], rows)
    typer.echo(decision.reason)
