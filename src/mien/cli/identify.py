"""Command that names the people of images and films: identify."""

import sys
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.export import Exports, Rate, wishes_of, write_exports
from mien.cli.faces import Drawn, draw_into, stop_if_failed
from mien.cli.film import FilmOutputs, complain_incomplete, film_rows
from mien.cli.options import (
    GALLERY,
    AsTable,
    CalibrationPath,
    CommercialOnly,
    DetectorName,
    DeviceName,
    ExitCode,
    GalleryEmbedder,
    GalleryPath,
    LivenessAction,
    LivenessAt,
    LivenessHead,
    OnRay,
    Pictures,
    Prior,
    Purpose,
    SmallestFace,
    TurnsChoice,
    Who,
    check_report,
    complain_unsearched,
    embedder_for,
    opened,
    searching,
    sources_of,
    workers,
)
from mien.cli.terminal import (
    NO_FACE,
    NO_MATCH,
    STOPPED,
    UNREAD,
    complain,
    print_json_line,
    print_table,
    progress,
)
from mien.errors import MienError
from mien.types import OnStep
from mien.zoo import DETECTOR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mien.photo import Pipeline
    from mien.service.identification import Identified
    from mien.service.result_log import ResultLog
    from mien.service.schema import Extent
    from mien.types import Decision, Face

OLD_SEGMENTS = "--looks"  # deprecated name of --segments, for one release


def identify(
    images: Pictures,
    gallery: GalleryPath = GALLERY,
    fpir: Annotated[
        float,
        typer.Option(help="False positive identification rate to work at, such as 0.01."),
    ] = 0.01,
    detector: DetectorName = DETECTOR,
    embedder: GalleryEmbedder = None,
    turns: TurnsChoice = "when-needed",
    smallest: SmallestFace = None,
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
    liveness: LivenessAction = "off",
    liveness_head: LivenessHead = None,
    liveness_at: LivenessAt = None,
    purpose: Purpose = None,
    who: Who = None,
    export: Exports = None,
    rate: Rate = None,
    estimate_age: Annotated[
        bool, typer.Option("--estimate-age", help="Photos: also estimate the age of each face.")
    ] = False,
    people: Annotated[
        Path | None,
        typer.Option(
            help="CSV with person, birth_year: with --estimate-age, also the year of a photo.",
            show_default=False,
        ),
    ] = None,
    details: Annotated[
        bool,
        typer.Option("--details", help="All candidates, threshold origins and quality values."),
    ] = False,
    sources: Annotated[
        bool, typer.Option("--sources", help="Paths of the enrolled pictures of candidates.")
    ] = False,
    exit_code: ExitCode = False,
    table: AsTable = False,
    ray: OnRay = None,
    device: DeviceName = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Identify people in images and films: match, review or unknown, with reason.

    The same command continues a film that was stopped. With --exit-code the
    code is 0 if there is a match, 3 if no face matches, 4 if there is no face,
    5 if entries could not be read.

    Example: mien identify party/ --gallery family.mien --report party.html
    """
    from mien.datasets import read_births
    from mien.media import is_film
    from mien.service import identify as run_identification
    from mien.service.production_year import AGE_HEAD, film_year, with_years
    from mien.service.result_log import ResultLog
    from mien.service.runs import Run
    from mien.service.schema import Extent

    if people and not estimate_age:
        raise MienError("--people needs --estimate-age, from which the year is computed.")
    births = read_births(people) if people else None
    wishes = wishes_of(export)
    extent = Extent(details or sources, sources)
    unread: list[str] = []
    others: list[str] = []
    names = sources_of(images, unread.append, others.append)
    films = [name for name in names if is_film(name)]
    check_report(report)
    if old_segments:
        complain(f"{OLD_SEGMENTS} is deprecated; use --segments instead.")
    segments = segments or old_segments
    if segments and len(films) > 1:
        raise MienError(f"--segments needs exactly one film, got {len(films)}; name one film.")
    pipeline = opened(
        detector,
        embedder_for(embedder, gallery),
        device,
        commercial_only,
        turns,
        smallest=smallest,
        workers=workers([name for name in names if name not in films]),
        cluster=ray,
        fpir=fpir,
        prior=prior,
        calibration=calibration,
        liveness=liveness,
        liveness_head=liveness_head,
        liveness_at=liveness_at,
        heads=AGE_HEAD if estimate_age else "none",
    )
    outputs = FilmOutputs(draw, blur, tables, report, alone=len(names) == 1)
    with searching(pipeline, gallery, who, purpose):
        log = ResultLog.of_identification(out, pipeline, gallery, extent) if out else None
        done = log.done if log else set()
        if done and (table or report or draw):
            complain(f"{len(done)} results are in the file already and are not shown again.")
        todo = [
            sys.stdin.buffer.read() if name == "-" else name for name in names if name not in done
        ]
        shown = Shown(pipeline, outputs, table, log, extent, keep=bool(wishes))
        dated: list[Face] = []
        with log or nullcontext(), progress() as on_step:
            shown.left_out(unread, others)
            every = 0.0 if blur else every  # a blurred film needs every frame
            found = run_identification(todo, pipeline, every=every, keep=segments, run=Run(on_step))
            for one in found:
                one = one if births is None else with_years(one, births)
                dated += one.answer.faces if births and one.answer else ()
                shown(one, on_step)
    shown.finish()
    if year := film_year(dated):
        complain(
            f"If these are stills of one film, it is from {year.value:.0f} ({year.low:.0f} to "
            f"{year.high:.0f}), by {year.people} people."
        )
    if wishes:
        write_exports(log.rows() if log else shown.rows, wishes, rate)
    if exit_code:
        raise typer.Exit(shown.code())
    stop_if_failed(shown.failed)


class Shown:
    """Print or write each answer as it arrives, and tables and the report at the end."""

    def __init__(
        self,
        pipeline: "Pipeline",
        outputs: FilmOutputs,
        table: bool,
        log: "ResultLog | None",
        extent: "Extent",
        *,
        keep: bool,
    ) -> None:
        self._pipeline, self._outputs, self._table, self._log = pipeline, outputs, table, log
        self._extent, self._keep = extent, keep
        self._photos: list[list[Any]] = []
        self._films: list[list[Any]] = []
        self._entries: list[Any] = []
        self.rows: list[dict[str, Any]] = []  # for exports, if there is no log
        self.failed = 0  # entries that could not be read
        self._outcomes: Counter[str] = Counter()  # of faces, and of people in films
        self._stopped = False
        for row in log.rows() if log else ():  # of an earlier run, which this one continues
            self._count(row)

    def left_out(self, unread: "Sequence[str]", others: "Sequence[str]") -> None:
        """Report entries that cannot be read, and files that are neither image nor film."""
        from mien.service.schema import skipped_row

        self.failed += len(unread)
        for sentence in (*unread, *others):
            complain(sentence)
            self._write(skipped_row(sentence))
            if self._table:
                self._photos.append([sentence, None, "left out", None, None, None])

    def __call__(self, one: "Identified", on_step: OnStep) -> None:
        """Process the answer for one image or film."""
        from mien.service.schema import identified_row

        if one.error:
            complain(one.error)
            self.failed += 1
        self._warn(one)
        if one.film is not None:
            complain_incomplete(one.source, one.film)
            self._outputs.write(one, self._pipeline, on_step)
            self._films += film_rows(one.source, one.film)
            self._stopped |= one.film.reason == "interrupted"
        elif one.answer is not None or not is_film_name(one.source):
            self._photo(one)
        self._write(identified_row(one, self._extent))

    def code(self) -> int:
        """Return the exit code for --exit-code."""
        if self.failed:
            return UNREAD
        if self._outcomes["match"]:
            return 0
        return NO_MATCH if self._outcomes else NO_FACE

    def _warn(self, one: "Identified") -> None:
        """Say on stderr what was not searched, and which faces are not live or not measured."""
        from mien.liveness.check import refusal

        if one.answer:
            complain_unsearched(one.source, one.answer)
        faces = list(one.answer.faces) if one.answer else []
        faces += [person.best for person in one.film.people] if one.film else []
        for face in faces:
            if face.liveness and face.liveness.outcome != "live":
                complain(f"{one.source}: {refusal(face.liveness)}")

    def _photo(self, one: "Identified") -> None:
        from mien.media import read_image
        from mien.report import entry

        image, wanted = one.image, self._outputs.draw or self._outputs.report
        if wanted and image is None and one.answer is not None and one.source != "-":
            image = read_image(one.source)  # it was measured on another machine
        if self._outputs.draw and one.answer and image is not None:
            draw_into(self._outputs.draw, one.source, image, one.answer.faces)
        if self._outputs.report:
            self._entries.append(entry(one.source, image, one.answer, one.error or ""))
        if self._table:
            self._photos += table_rows(one.source, one.answer)

    def _count(self, row: dict[str, Any]) -> None:
        found = row.get("faces") or row.get("people") or ()
        self._outcomes.update((one["decision"] or {}).get("outcome", "unknown") for one in found)

    def _write(self, row: dict[str, Any]) -> None:
        self._count(row)
        if self._log:
            self._log.append(row)
        elif not self._table:
            print_json_line(row)
        if self._keep and not self._log:
            self.rows.append(row)

    def finish(self) -> None:
        """Print the tables, and write the report of the images."""
        from mien.report import write_answers

        if self._photos:
            columns = ["picture", "person", "answer", "score>", "threshold>", "probability>"]
            print_table(columns, self._photos)
        if self._table and self._films:
            print_table(["film", "person", "answer", "seconds>", "when"], self._films)
        if self._entries and self._outputs.report:
            write_answers(self._outputs.report, self._entries, self._pipeline)
            complain(f"report written: {self._outputs.report}")
        if self._stopped:
            raise typer.Exit(STOPPED)


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
        bar = one.basis.threshold if one.basis else None
        score, bar_ = (None if v is None else f"{v:.1f}" for v in (one.score, bar))
        sure = None if one.probability is None else f"{one.probability:.3f}"
        rows.append([short, shown_name(one), one.outcome, score, bar_, sure])
    return rows


def shown_name(decision: "Decision") -> str | None:
    """Return the name of a match; of a review the best candidate with a question mark."""
    return f"{decision.likely}?" if decision.outcome == "review" else decision.likely
