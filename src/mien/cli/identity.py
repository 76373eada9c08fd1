"""Commands about identity: enroll, identify, verify."""

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
    EmbedderName,
    ExitCode,
    GalleryEmbedder,
    GalleryPath,
    LivenessAction,
    LivenessAt,
    LivenessHead,
    Pictures,
    Prior,
    Purpose,
    SmallestFace,
    TurnsChoice,
    Who,
    check_report,
    embedder_for,
    opened,
    searching,
    source_of,
    sources_of,
    warn_of_size,
    workers,
)
from mien.cli.terminal import STOPPED, complain, print_json_line, print_table, progress
from mien.errors import MienError
from mien.types import OnStep
from mien.zoo import DETECTOR, EMBEDDER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mien.photo import Pipeline
    from mien.service.identification import Identified
    from mien.service.result_log import ResultLog
    from mien.service.schema import Extent
    from mien.types import Decision

NO_MATCH, NO_FACE, UNREAD = 3, 4, 5  # exit codes with --exit-code; 1 and 2 are errors of the run
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
    embedder: GalleryEmbedder = None,
    turns: TurnsChoice = "when-needed",
    smallest: SmallestFace = None,
    allow_conflicts: Annotated[
        bool, typer.Option(help="Accept faces and names that are like those of another person.")
    ] = False,
    retry: Annotated[
        bool, typer.Option(help="Process images again that were refused before.")
    ] = False,
    regions: Annotated[
        bool,
        typer.Option("--regions", help="Take names and faces from XMP, as digiKam writes them."),
    ] = False,
    review: Annotated[
        bool,
        typer.Option("--review", help="Keep doubtful templates in quarantine, for a decision."),
    ] = False,
    learn: Annotated[
        str | None,
        typer.Option(help="Keep all templates in quarantine, as a group of this name."),
    ] = None,
    calibration: CalibrationPath = None,
    liveness: LivenessAction = "off",
    liveness_head: LivenessHead = None,
    liveness_at: LivenessAt = None,
    who: Who = None,
    table: AsTable = False,
    device: DeviceName = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Add people to a gallery; report each refused image with its reason.

    With --review, templates with doubts wait in quarantine: mien gallery quarantine list.

    Each result is stored before the next image is processed. The same command
    continues a run that was stopped.

    Example: mien enroll family/ --gallery family.mien
    """
    from mien.liveness.check import refusal
    from mien.service import Run, items_in, region_items
    from mien.service import enroll as run
    from mien.service.galleries import target
    from mien.service.schema import enrolled_row

    items = (region_items if regions else items_in)(source, skipped=complain)
    embedder = embedder_for(embedder, gallery)
    pipeline = opened(
        detector,
        embedder,
        device,
        commercial_only,
        turns,
        smallest=smallest,
        workers=workers(items),
        calibration=calibration,
        liveness=liveness,
        liveness_head=liveness_head,
        liveness_at=liveness_at,
    )
    counts: Counter[str] = Counter()
    rows = []
    with target(gallery, pipeline, who=who) as known, progress() as on_step:
        how: Any = {"allow_conflicts": allow_conflicts, "retry": retry}
        how |= {"review": review, "learn": learn}
        for result in run(items, pipeline, known, **how, run=Run(on_step)):
            counts[result.outcome] += 1
            item = result.item
            if result.outcome in ("refused", "quarantined"):
                rows.append([item.person, item.path.name, result.reason])
                reason = f"{result.outcome}, {result.reason}. {result.detail or ''}"
                complain(f"{item.path}: {reason}".rstrip())
            elif result.liveness and result.liveness.outcome != "live":
                complain(f"{item.path}: enrolled, but: {refusal(result.liveness)}")
            if not table:
                print_json_line(enrolled_row(result))
        warn_of_size(known, detector, calibration)
    if table:
        print_table(["person", "refused image", "reason"], rows)
        keys = ["enrolled", "already", "refused"] + ["quarantined"] * (review or learn is not None)
        summary = ", ".join(f"{counts[key]:,} {key}" for key in keys)
        typer.echo(f"{len(items):,} images: {summary}. Gallery: {gallery}")


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
    details: Annotated[
        bool,
        typer.Option("--details", help="All candidates, threshold origins and quality values."),
    ] = False,
    sources: Annotated[
        bool, typer.Option("--sources", help="Paths of the enrolled pictures of candidates.")
    ] = False,
    exit_code: ExitCode = False,
    table: AsTable = False,
    device: DeviceName = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Identify people in images and films: match, review or unknown, with reason.

    The same command continues a film that was stopped. With --exit-code the
    code is 0 if there is a match, 3 if no face matches, 4 if there is no face,
    5 if entries could not be read.

    Example: mien identify party/ --gallery family.mien --report party.html
    """
    from mien.media import is_film
    from mien.service import identify as run_identification
    from mien.service.result_log import ResultLog
    from mien.service.runs import Run
    from mien.service.schema import Extent

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
        fpir=fpir,
        prior=prior,
        calibration=calibration,
        liveness=liveness,
        liveness_head=liveness_head,
        liveness_at=liveness_at,
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
        with log or nullcontext(), progress() as on_step:
            shown.left_out(unread, others)
            every = 0.0 if blur else every  # a blurred film needs every frame
            found = run_identification(todo, pipeline, every=every, keep=segments, run=Run(on_step))
            for one in found:
                shown(one, on_step)
    shown.finish()
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
        """Say on stderr which faces are not live, or were not measured."""
        from mien.liveness.check import refusal

        faces = list(one.answer.faces) if one.answer else []
        faces += [person.best for person in one.film.people] if one.film else []
        for face in faces:
            if face.liveness and face.liveness.outcome != "live":
                complain(f"{one.source}: {refusal(face.liveness)}")

    def _photo(self, one: "Identified") -> None:
        from mien.report import entry

        if self._outputs.draw and one.answer and one.image is not None:
            draw_into(self._outputs.draw, one.source, one.image, one.answer.faces)
        if self._outputs.report:
            self._entries.append(entry(one.source, one.image, one.answer, one.error or ""))
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


def verify(
    first: Annotated[str, typer.Argument(help="First image, which shows one face.")],
    second: Annotated[str, typer.Argument(help="Second image, which shows one face.")],
    fmr: Annotated[float, typer.Option(help="False match rate to work at, such as 0.001.")] = 1e-3,
    detector: DetectorName = DETECTOR,
    embedder: EmbedderName = EMBEDDER,
    turns: TurnsChoice = "when-needed",
    smallest: SmallestFace = None,
    calibration: CalibrationPath = None,
    prior: Prior = 0.5,
    liveness: LivenessAction = "off",
    liveness_head: LivenessHead = None,
    liveness_at: LivenessAt = None,
    exit_code: ExitCode = False,
    table: AsTable = False,
    device: DeviceName = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Decide whether two images show one person: match, review or unknown.

    With --exit-code the code is 0 for a match, 3 otherwise.

    Example: mien verify passport.jpg selfie.jpg --fmr 1e-4
    """
    from mien.liveness.check import refusal
    from mien.service import verify as run_verification
    from mien.service.schema import verified_row

    pipeline = opened(
        detector,
        embedder,
        device,
        commercial_only,
        turns,
        smallest=smallest,
        prior=prior,
        calibration=calibration,
        liveness=liveness,
        liveness_head=liveness_head,
        liveness_at=liveness_at,
    )
    decision = run_verification(source_of(first), source_of(second), pipeline, fmr=fmr)
    if decision.liveness and decision.liveness.outcome != "live":
        complain(f"{second}: {refusal(decision.liveness)}")
    if table:
        _print_verified(decision)
    else:
        print_json_line(verified_row(first, second, decision))
    if exit_code and decision.outcome != "match":
        raise typer.Exit(NO_MATCH)


def _print_verified(decision: "Decision") -> None:
    basis = decision.basis
    assert basis is not None
    rows: list[list[Any]] = [
        ["answer", decision.outcome],
        ["score", f"{decision.score:.2f}"],
        ["threshold", f"{basis.threshold:.2f} (95 %: {basis.low:.2f} to {basis.high:.2f})"],
        ["probability", f"{decision.probability:.4f} (prior: {decision.prior:g})"],
        ["requested", f"FMR {basis.fmr:g}" + (", extrapolated" if basis.extrapolated else "")],
        ["calibration", basis.calibration],
        ["measured on", basis.data],
    ]
    if found := decision.liveness:
        score = "no score" if found.score is None else f"{found.score:.3f}"
        needed = f"{score}, above {found.threshold:.3f} needed"
        rows.append(["liveness", f"{found.outcome} ({needed}: {found.point} of {found.model})"])
    print_table(["", ""], rows)
    typer.echo(decision.reason)
