"""Command that measures faces in films and images: analyze."""

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mien.cli.options import (
    AsTable,
    CalibrationPath,
    CommercialOnly,
    DetectorName,
    DeviceName,
    GalleryEmbedder,
    OnRay,
    Purpose,
    Who,
    check_place,
    check_report,
    embedder_for,
    sources_of,
)
from mien.cli.terminal import STOPPED, complain, print_json_line, print_table, progress
from mien.errors import MienError
from mien.zoo import DETECTOR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mien.behaviour import Baseline
    from mien.film import Analyzer
    from mien.tables import Table
    from mien.types import OnStep

Sources = Annotated[list[str], typer.Argument(help="Films, images, folders of images or patterns.")]
Heads = Annotated[
    str | None,
    typer.Option(
        help="Heads that read the faces, separated by commas: names, or run folders of "
        "trainings (none = no head)."
    ),
]
Often = Annotated[
    float,
    typer.Option("--every", help="Seconds between two readings of the heads (0 = every frame)."),
]
Known = Annotated[
    str | None, typer.Option("--gallery", "-g", help="Gallery that names the people.")
]


Rest = Annotated[
    Path | None,
    typer.Option(help="Baseline from mien baseline fit; default: fitted to the film."),
]


def analyze(
    sources: Sources,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Table to write: .parquet or .csv; default: JSON lines."),
    ] = None,
    format: Annotated[
        Literal["parquet", "csv", "openface", "pyfeat"] | None,
        typer.Option("--format", help="Column set of --out; default: from its suffix."),
    ] = None,
    heads: Heads = None,
    every: Often = 0.2,
    points: Annotated[
        Literal["five", "68", "mesh"], typer.Option(help="Landmarks in the table.")
    ] = "five",
    gallery: Known = None,
    people: Annotated[
        bool,
        typer.Option(help="Number people without a gallery: unknown-1, unknown-2."),
    ] = False,
    baseline: Rest = None,
    hands: Annotated[
        bool,
        typer.Option(help="Films: detect hands at faces; measures that they hide are missing."),
    ] = False,
    micro: Annotated[
        bool,
        typer.Option(
            "--micro", help="Films: add candidates of micro-expressions to the events (slow)."
        ),
    ] = False,
    sound: Annotated[
        bool,
        typer.Option("--sound", help="Films: add level, pitch and speech of the sound track."),
    ] = False,
    draw: Annotated[
        Path | None, typer.Option(help="Folder for copies with mesh, axes, gaze and bars drawn.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="HTML file with charts, events and images.")
    ] = None,
    detector: DetectorName = DETECTOR,
    embedder: GalleryEmbedder = None,
    calibration: CalibrationPath = None,
    purpose: Purpose = None,
    who: Who = None,
    ray: OnRay = None,
    table: AsTable = False,
    device: DeviceName = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Measure every face in every frame; write one row per face per frame.

    Measures: pose, gaze, lids, lips, readings of heads. A frame without a face
    has a row with the reason. The same command continues a stopped run.

    Example: mien analyze interview.mp4 --out interview.parquet --table
    """
    from mien.service import analyze as run_analysis
    from mien.service.runs import Run
    from mien.tables import require
    from mien.tables.files import format_of

    require()
    names = sources_of(sources)
    if out and format not in ("openface", "pyfeat"):
        format_of(out)  # a wrong suffix is reported before the analysis
    check_place(out)
    if format and not out:
        raise MienError("--format needs --out FILE, the file that the table is written to.")
    check_report(report)
    if points == "five" and format in ("openface", "pyfeat"):
        points = "68"
    with (
        opened_analyzer(
            gallery,
            baseline,
            heads=heads,
            every=every,
            points="mesh" if draw else points,
            hands=hands,
            detector=detector,
            people=people,
            embedder=embedder_for(embedder, gallery),
            calibration=calibration,
            device=device,
            commercial_only=commercial_only,
            purpose=purpose,
            who=who,
            cluster=ray,
        ) as opening,
        progress() as on_step,
    ):
        found = run_analysis(names, opening.analyzer, baseline=opening.baseline, run=Run(on_step))
        if micro:
            found = _spotted(found, on_step)
        if sound:
            found = _heard(found, on_step)
    if draw:
        _draw(found, names, draw)
        found = found.without(_drawing_only(found, points))
    if report:
        from mien.report.behaviour import write_behaviour

        write_behaviour(report, found)
        complain(f"report written: {report}")
    if out:
        written = found.save(out, format)
        if not table:
            print_json_line(_facts(found, written))
    elif not table:
        from mien.service.schema import table_row

        for row in found.data.to_dict("records"):
            print_json_line(table_row(row))
    if table:
        _show(found)
    _stop(found)


@dataclass(frozen=True, slots=True)
class Opening:
    """An analyzer and its baseline."""

    analyzer: "Analyzer"
    baseline: "Baseline | None"


@contextmanager
def opened_analyzer(
    gallery: str | None,
    baseline: Path | None = None,
    *,
    embedder: str,
    people: bool = False,
    purpose: str | None = None,
    who: str | None = None,
    **how: Any,
) -> "Iterator[Opening]":
    """Open an analyzer with the gallery, if one is named; `how` goes to open_analyzer.

    A baseline that stores an embedding needs embedded faces, so people are identified.
    """
    from mien.behaviour import Baseline
    from mien.film import open_analyzer
    from mien.gallery import open_gallery
    from mien.zoo import load

    given = Baseline.load(baseline) if baseline else None
    people = people or (given is not None and given.vector is not None)
    asked: Any = {"read_only": True, "purpose": purpose, "who": who}
    with (
        open_gallery(gallery, load(embedder).contract, **asked) if gallery else nullcontext()
    ) as known:
        analyzer = open_analyzer(gallery=known, embedder=embedder, people=people, **how)
        yield Opening(analyzer, given)


def _spotted(found: "Table", on_step: "OnStep") -> "Table":
    """Add candidates of micro-expressions, and report warnings on stderr."""
    from mien.film.micro import KIND, with_micro

    found = with_micro(found, on_step)
    for row in found.recordings.to_dict("records"):
        if row.get("micro_seconds") != row.get("micro_seconds") or "micro_seconds" not in row:
            continue  # an image, or a film that could not be read
        mine = found.events["input"] == row["input"]
        count = int((mine & (found.events["kind"] == KIND)).sum())
        note = f"; {row['micro_note']}" if isinstance(row["micro_note"], str) else ""
        complain(
            f"{row['input']}: {count} candidates of micro-expressions in "
            f"{row['micro_seconds']:g} s of face; {int(row['micro_left_out'])} during blinks, "
            f"speech or motion were left out{note}"
        )
    return found


def _heard(found: "Table", on_step: "OnStep") -> "Table":
    """Add features of the sound track, and report films without sound on stderr."""
    from mien.film.sound import with_sound

    found = with_sound(found, on_step)
    for row in found.recordings.to_dict("records"):
        if isinstance(row.get("sound_note"), str):
            complain(f"{row['input']}: {row['sound_note']}")
    return found


def _draw(found: "Table", names: list[str], folder: Path) -> None:
    """Write copies of all readable sources with the measures drawn on them."""
    from mien.film.annotate_table import annotated_path, write_annotated

    reasons = dict(zip(found.recordings["input"], found.recordings["reason"], strict=True))
    folder.mkdir(parents=True, exist_ok=True)
    taken: set[Path] = set()
    with progress() as on_step:
        for name in names:
            if reasons[name] not in ("unreadable", "interrupted", "full"):
                target = annotated_path(folder, name, taken)
                write_annotated(found, name, target, on_step=on_step)
                complain(f"drawn: {target}")


def _drawing_only(found: "Table", points: str) -> list[str]:
    """Return the columns of points that only the drawing needs."""
    places = [name for name, column in found.columns.items() if column.group == "landmarks"]
    kept = {"mesh": "", "68": "mesh_"}.get(points)
    return [] if kept == "" else [n for n in places if kept is None or n.startswith(kept)]


def _facts(found: "Table", written: list[str]) -> dict[str, Any]:
    """Return the facts of one line about the written table."""
    recordings = [
        {key: value for key, value in row.items() if value == value and value is not None}
        for row in found.recordings.to_dict("records")
    ]
    counts = found.data["reason"].value_counts().to_dict()
    people = found.people[["input", "who", "tracks", "frames", "measured"]].to_dict("records")
    return {
        "files": written,
        "rows": len(found.data),
        "reasons": counts,
        "people": people,
        "events": len(found.events),
        "recordings": recordings,
        "models": found.facts["models"],
    }


SHOWN = 12  # people whose means are shown on a terminal
PLACES = ("keys", "boxes", "points", "landmarks", "quality", "measures", "gazes")


def _show(found: "Table") -> None:
    """Print human-readable tables: people, reasons for missing values, means."""
    films = set(found.recordings["input"][found.recordings["kind"] == "film"])
    rows = _people_rows(found, films)
    if rows:
        print_table(["film", "who", "when", "frames>", "measured>", "missing"], rows)
    pictures = _picture_rows(found, films)
    if rows and pictures:
        typer.echo()
    if pictures:
        print_table(["picture", "who", "yaw>", "pitch>", "roll>", "shows"], pictures)
    summary = found.summary() if films else found.data[:0]
    for one in found.people.to_dict("records")[:SHOWN]:
        if one["input"] in films:
            mine = summary[(summary["who"] == one["who"]) & (summary["input"] == one["input"])]
            _show_means(found, one, mine)


def _people_rows(found: "Table", films: set[str]) -> list[list[Any]]:
    from mien.report.film import clock

    rows: list[list[Any]] = []
    for one in found.people.to_dict("records"):
        if one["input"] not in films:
            continue
        mine = found.data[(found.who == one["who"]) & (found.data["input"] == one["input"])]
        gone = mine["reason"][mine["reason"] != "ok"].value_counts()
        why = ", ".join(f"{reason} {count}" for reason, count in gone.items())
        span = f"{clock(one['first'])}-{clock(one['last'])}"
        name = Path(one["input"]).name
        rows.append([name, one["who"], span, one["frames"], one["measured"], why or None])
    nobody = found.data[found.data["track"].isna() & found.data["input"].isin(films)]
    for (name, reason), part in nobody.groupby(["input", "reason"], sort=False):
        rows.append([Path(name).name, None, None, len(part), 0, reason])
    return rows


def _picture_rows(found: "Table", films: set[str]) -> list[list[Any]]:
    """Return one row per face of an image: pose and the strongest action units."""
    rows: list[list[Any]] = []
    units = [name for name in found.columns if name.startswith("AU") and name.endswith("_r")]
    mine = ~found.data["input"].isin(films)
    data = found.data[mine].assign(who=found.who[mine])
    for row in data.to_dict("records"):
        shown = sorted((n for n in units if row[n] >= 1), key=lambda n: -row[n])[:3]
        strongest = ", ".join(f"{name.removesuffix('_r')} {row[name]:.1f}" for name in shown)
        pose = [None if row[n] != row[n] else f"{row[n]:.0f}" for n in ("yaw", "pitch", "roll")]
        why = strongest if row["reason"] == "ok" else row["reason"]
        who = row["who"] if isinstance(row["who"], str) else None
        rows.append([Path(row["input"]).name, who, *pose, why or None])
    return rows


def _show_means(found: "Table", one: dict[str, Any], mine: Any) -> None:
    ends = ("_lo", "_hi", "_left", "_right")
    lines = [
        [row["column"], found.columns[row["column"]].unit.split(";")[0], row["mean"], row["sd"],
         row["n"], f"{row['missing']:.0%}"]
        for row in mine.to_dict("records")
        if row["n"] and found.columns[row["column"]].group not in PLACES
        and not row["column"].endswith(ends)
    ]  # fmt: skip
    if lines:
        typer.echo()
        title = f"{Path(one['input']).name}, {one['who']}"
        print_table(["", "unit", "mean>", "sd>", "n>", "missing>"], lines, title)


def _stop(found: "Table") -> None:
    """Report incomplete sources, and exit with code 1 if there are any."""
    failed = 0
    for row in found.recordings.to_dict("records"):
        if row.get("complete") is True and not isinstance(row.get("reason"), str):
            continue
        detail = row.get("detail") if isinstance(row.get("detail"), str) else f"{row['reason']}."
        complain(f"{row['input']}: {detail}")
        failed += row["reason"] == "unreadable"
    reasons = set(found.recordings["reason"])
    if "interrupted" in reasons:
        raise typer.Exit(STOPPED)
    if "full" in reasons:
        raise MienError("The disk is full; results up to this point are kept. Free some space, and "
                        "continue with the same command.")  # fmt: skip
    if failed:
        raise MienError(f"{failed} could not be read; the others are complete.")
