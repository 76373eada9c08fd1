"""Command that answers questions about a micro-expression: ask."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mien.cli.options import DetectorName, DeviceName, opened
from mien.cli.terminal import complain, print_json_line
from mien.errors import MienError
from mien.zoo import DETECTOR

if TYPE_CHECKING:
    from mien.behaviour.questions import Evidence, Reply

MODEL = "micro-mol"
Measure = Callable[[Path, str], "Evidence"]  # of a clip, for a question


def ask(
    clip: Annotated[
        Path, typer.Argument(help="A film or a folder of frames; with --questions, their folder.")
    ],
    question: Annotated[str, typer.Argument(help="Such as: What are the action units?")] = "",
    questions: Annotated[
        Path | None,
        typer.Option(help="JSON lines with video and question, as MEGC publishes them."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="JSON lines to write: the same with their answers."),
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="Frames per second; a folder of frames needs it.")
    ] = None,
    model: Annotated[
        str, typer.Option(help="Card of the clip head for micro-expressions.")
    ] = MODEL,
    detector: DetectorName = DETECTOR,
    device: DeviceName = "cpu",
) -> None:
    """Answer questions about small movements of a face, with the measurements behind them.

    Templates are filled with measured values; no language model takes part. A
    question that fits no template is `unsupported`. One whose measurement is
    missing is `unmeasured`. The classes are those of laboratory films: no answer
    says what a person feels, or whether they lie.

    Example: mien ask clip.mp4 "What are the action units?"
    """
    if bool(question) == (questions is not None):
        raise MienError("Give one question, or a file of them with --questions.")
    if (questions is None) != (out is None):
        raise MienError("--questions and --out belong together.")
    measure = _measure(model, detector, device, rate)
    if questions is None or out is None:
        _one(clip, question, measure)
    else:
        _many(clip, questions, out, measure)


def _measure(model: str, detector: str, device: str, rate: float | None) -> Measure:
    """Open the models when the first clip is read."""
    from mien.behaviour.micro_places import CROP
    from mien.behaviour.questions import Evidence, evidence_of, searches, template_of
    from mien.film.analyzer import LANDMARKER
    from mien.film.micro import spot_clip
    from mien.film.short import ROOMY, moved_regions, read_short
    from mien.zoo import find, load

    if find(model).kind != "clip-head":
        raise MienError(f"'{model}' is no clip head; choose one of: mien models list")
    head = load(model, device=device)
    pipeline = opened(detector, None, device, commercial_only=False)
    thresholds = getattr(head, "thresholds", None)

    def measure(clip: Path, question: str) -> Evidence:
        if searches(question):
            events, notes = spot_clip(read_short(clip, CROP, pipeline, rate))
            return Evidence(events=events, notes=notes)
        if template_of(question) == "regions":
            found = read_short(clip, ROOMY, pipeline, rate)
            rows, apex = moved_regions(found, load(LANDMARKER, device=device))
            return Evidence(regions=rows, span=(float(found.times[0]), apex))
        return evidence_of(head(read_short(clip, head.crop, pipeline, rate)), thresholds)

    return measure


def _one(clip: Path, question: str, measure: Measure) -> None:
    """Answer one question; a question that is not supported needs no measurement."""
    from mien.behaviour.questions import LIMIT, Evidence, reply, template_of

    evidence = measure(clip, question) if template_of(question) else Evidence()
    found = reply(question, evidence)
    print_json_line({"clip": clip, **_row(found), "evidence": _shown(evidence), "limit": LIMIT})


def _row(found: "Reply") -> dict[str, Any]:
    return {
        "question": found.question, "template": found.template, "outcome": found.outcome,
        "answer": found.answer, "why": found.why,
    }  # fmt: skip


def _shown(evidence: "Evidence") -> dict[str, Any]:
    return {
        "coarse": {word: round(value, 4) for word, value in evidence.coarse.items()},
        "units": {f"AU{unit}": yes for unit, yes in evidence.units.items()},
        "span": evidence.span, "events": evidence.events,
        "regions": [asdict(one) for one in evidence.regions or ()] or None,
        "models": evidence.models, "notes": evidence.notes,
    }  # fmt: skip


def _many(folder: Path, questions: Path, out: Path, measure: Measure) -> None:
    """Fill the answers of a file; those of a clip that cannot be read are unmeasured."""
    from mien.behaviour.questions import Evidence, needs, reply
    from mien.media import write_bytes

    rows = _read(questions)
    known: dict[tuple[str, str], Evidence] = {}  # by clip and what was measured
    counts: dict[str, int] = {}
    for row in rows:
        name, question = row["video"], row["question"]
        key = name, needs(question)
        if key not in known:
            try:
                known[key] = measure(_inside(folder, name), question)
            except MienError as error:
                complain(f"{name}: {error}")
                known[key] = Evidence(notes=(str(error),))
        found = reply(question, known[key])
        row["answer"] = found.answer
        counts[found.outcome] = counts.get(found.outcome, 0) + 1
    write_bytes(out, "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows).encode())
    print_json_line(
        {"questions": len(rows), "clips": len({name for name, _ in known}), **counts, "out": out}
    )


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise MienError(f"'{name}' lies outside {folder}; name clips of that folder.")
    return path


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise MienError(f"'{path}' cannot be read ({error}).") from error
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise MienError(f"{path}, line {number} is not JSON: {error}") from error
        asked = isinstance(row, dict) and all(
            isinstance(row.get(key), str) for key in ("video", "question")
        )
        if not asked:
            raise MienError(f"{path}, line {number} needs the texts `video` and `question`.")
        rows.append(row)
    if not rows:
        raise MienError(f"'{path}' holds no question.")
    return rows
