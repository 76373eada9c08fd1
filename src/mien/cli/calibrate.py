"""Command that measures the error rates of similarities on the user's own images: calibrate."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.eval.options import Made
from mien.cli.options import check_place, opened
from mien.cli.terminal import complain, print_table, progress
from mien.errors import MienError, extra
from mien.zoo import DETECTOR, EMBEDDER

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mien.datasets.people import Picture
    from mien.decision import Calibration
    from mien.evaluate.verification.vectors import Failure, Sample
    from mien.types import Floats

MENTIONED = 5  # failures that are listed one by one


Folder = Annotated[
    Path,
    typer.Argument(
        help="Folder with one folder per person; with --pairs, the folder of the files.",
        exists=True,
        file_okay=False,
    ),
]
Out = Annotated[Path, typer.Option(help="Calibration file to write, .json.")]
Pairs = Annotated[
    Path | None,
    typer.Option(
        help="CSV with fold, file_a, file_b, same. File names such as Ada_0001.jpg give the "
        "person.",
        exists=True,
        dir_okay=False,
        show_default=False,
    ),
]
Used = Annotated[
    str, typer.Option(help="Folds to measure on, such as 0-3; default: all except --check.")
]
HeldOut = Annotated[
    str,
    typer.Option(
        help="Folds of people who test the result only. Without --pairs, names define folds 0-4."
    ),
]
Finder = Annotated[str, typer.Option(help="Card of the detector.")]
Embedder = Annotated[str, typer.Option(help="Card of the embedder.")]
Processor = Annotated[str, typer.Option(help="Device: cpu, cuda, ... No fallback.")]
Label = Annotated[
    str, typer.Option(help="Description of the images, for the record.", show_default=False)
]
Vectors = Annotated[
    Path | None,
    typer.Option(
        help="File (.npz) that stores the embeddings for later runs.",
        show_default=False,
    ),
]
Suspects = Annotated[
    int, typer.Option(help="List N pairs of different people with the highest similarity.", min=0)
]
Plot = Annotated[Path | None, typer.Option(help="Plot of the result.", show_default=False)]


def calibrate(
    context: typer.Context,
    folder: Folder,
    out: Out,
    pairs: Pairs = None,
    folds: Used = "",
    check: HeldOut = "",
    detector: Finder = DETECTOR,
    embedder: Embedder = EMBEDDER,
    device: Processor = "cpu",
    data: Label = "",
    vectors: Vectors = None,
    suspects: Suspects = 5,
    plot: Plot = None,
    made: Made = False,
) -> None:
    """Measure thresholds with intervals on labelled images; test the result.

    Example: mien calibrate people/ --check 4 --out people.json --plot people.png
    """
    from mien.datasets.people import people_in, people_of_pairs
    from mien.decision import write_calibration
    from mien.evaluate.originals import accept_made
    from mien.evaluate.verification.calibrate import calibrate as measure
    from mien.evaluate.verification.trial_sources import folds_of
    from mien.evaluate.verification.vectors import embed_pictures

    accept_made(made)
    for path in (out, vectors, plot):
        check_place(path)
    if plot:
        _figure()  # a missing extra is reported before the measurement
    pictures = people_of_pairs(pairs, folder) if pairs else people_in(folder)
    known = {picture.fold for picture in pictures}
    held_out = folds_of(check, known) if check else set()
    used = folds_of(folds, known) if folds else known - held_out
    wanted = [picture for picture in pictures if picture.fold in used | held_out]
    pipeline = opened(detector, embedder, device, commercial_only=False)
    label = data or f"Folder {folder.resolve().name}"
    label += " (made images count)" if made else ""
    with progress() as on_step:
        found, failures = embed_pictures(wanted, pipeline, vectors=vectors, on_step=on_step)
        sample, rows = _sample(found, used)
        other, others = _sample(found, held_out) if held_out else (None, [])
        calibration = measure(
            sample,
            name=out.stem,
            contract=pipeline.embedder.contract if pipeline.embedder else "",
            detector=detector,
            data=_describe(label, used, len(rows), failures),
            command=_command(context),
            check=other,
            check_data=_describe(label, held_out, len(others), failures),
            on_step=on_step,
        )
    write_calibration(calibration, out)
    _complain(failures)
    _print(calibration)
    if suspects:
        _print_suspects(sample, rows, suspects)
    if plot:
        draw(calibration, plot)


def _sample(found: "dict[Picture, Floats]", folds: set[int]) -> "tuple[Sample, list[Picture]]":
    """Return the faces of some folds, and their images in the same order."""
    import numpy as np

    from mien.evaluate.verification.vectors import Sample

    rows = [picture for picture in found if picture.fold in folds]
    if not rows:
        raise MienError(
            f"No face was found in the images of folds {', '.join(map(str, sorted(folds)))}, so "
            "nothing can be measured. Check the images with: mien detect"
        )
    vectors = np.stack([found[picture] for picture in rows])
    return Sample(vectors, tuple(picture.person for picture in rows)), rows


def _describe(label: str, folds: set[int], found: int, failures: "Sequence[Failure]") -> str:
    """Describe the images in one sentence, with the number of failures."""
    lost = sum(failure.picture.fold in folds for failure in failures)
    numbers = ", ".join(map(str, sorted(folds)))
    left = f"; {lost} more failed (no face) and are not counted" if lost else ""
    return f"{label}, folds {numbers}: {found} images{left}."


def _command(context: typer.Context) -> str:
    """Return the command line without absolute folders."""
    words = ["mien", "calibrate", _shown(context.params["folder"])]
    for key in ("pairs", "folds", "check", "out", "detector", "embedder"):
        value = context.params[key]
        words += [f"--{key}", _shown(value)] if value else []
    return shlex.join(words)


def _shown(value: Path | str) -> str:
    return value.name if isinstance(value, Path) and value.is_absolute() else str(value)


def _complain(failures: "Sequence[Failure]") -> None:
    for failure in failures[:MENTIONED]:
        complain(f"left out: {failure.reason}")
    if len(failures) > MENTIONED:
        complain(f"left out: {len(failures) - MENTIONED} more images without a usable face.")


def _print(calibration: "Calibration") -> None:
    c = calibration
    title = (
        f"{c.name}: {c.people:,} people, {c.genuine:,} mated comparisons, {c.impostors:,} non-mated"
    )
    rows: list[list[str]] = [
        [f"{p.fmr:.2g}", f"{p.threshold:.4f}", f"{p.low:.4f}", f"{p.high:.4f}"] for p in c.points
    ]
    typer.echo(title)
    print_table(("FMR>", "threshold>", "95 % from>", "to>"), rows)
    if c.check is None:
        return
    k = c.check
    title = (
        f"\nTested on {k.people:,} other people, {k.genuine:,} mated comparisons, "
        f"{k.impostors:,} non-mated; calibration error {k.ece:.4f}, Cllr {k.cllr:.4f} bit"
    )
    rows = [
        [
            f"{r.fmr:.2g}",
            f"{r.measured:.2g}",
            f"{r.low:.2g}-{r.high:.2g}",
            f"{r.fnmr:.2%}",
            f"{r.fnmr_low:.2%}-{r.fnmr_high:.2%}",
        ]
        for r in k.rates
    ]
    typer.echo(title)
    if not rows:
        complain(f"{k.people} other people are too few to measure a rate; hold out more people.")
        return
    print_table(("FMR target>", "measured>", "95 %>", "FNMR>", "95 %>"), rows)


def _print_suspects(sample: "Sample", rows: "Sequence[Picture]", most: int) -> None:
    from mien.evaluate.verification.score_matrix import suspects

    cells = [
        [f"{cosine:.4f}", _short(rows[a].path), _short(rows[b].path)]
        for a, b, cosine in suspects(sample, most)
    ]
    typer.echo("\nPairs of different people with the highest similarity; check for wrong labels:")
    print_table(("cosine>", "picture", "picture"), cells)


def _short(path: Path) -> str:
    return "/".join(path.parts[-2:])


def _figure() -> "Figure":
    with extra("plots", "--plot"):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def draw(calibration: "Calibration", path: Path) -> None:
    """Plot the rates against the threshold, with the results of the check."""
    figure = _figure()
    axes = figure.add_subplot(
        xlabel="threshold: cosine that must be exceeded", ylabel="rate", yscale="log"
    )
    points = calibration.points
    rates, thresholds = [p.fmr for p in points], [p.threshold for p in points]
    axes.fill_betweenx(
        rates, [p.low for p in points], [p.high for p in points], alpha=0.25, label="95 % interval"
    )
    axes.plot(thresholds, rates, label=f"FMR, {calibration.people:,} people")
    if calibration.check:
        for kind, label in (("measured", "FMR"), ("fnmr", "FNMR")):
            low, high = ("low", "high") if kind == "measured" else ("fnmr_low", "fnmr_high")
            shown = [r for r in calibration.check.rates if getattr(r, kind) > 0]  # log axis
            y = [getattr(r, kind) for r in shown]
            arms = [
                [max(0.0, v - getattr(r, low)) for v, r in zip(y, shown, strict=True)],
                [max(0.0, getattr(r, high) - v) for v, r in zip(y, shown, strict=True)],
            ]
            name = f"{label}, {calibration.check.people:,} other people"
            axes.errorbar([r.threshold for r in shown], y, arms, fmt=".", capsize=2, label=name)
    axes.set_title(f"{calibration.name}: {calibration.contract}, {calibration.detector}", size=9)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=120)
