"""Options that several commands share, and the loop over images."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mien.cli.terminal import complain, progress
from mien.errors import ImageError, MienError
from mien.zoo import EMBEDDER

if TYPE_CHECKING:
    from mien.detect import Turns
    from mien.gallery import Gallery
    from mien.media.finding import Skipped
    from mien.photo import Pipeline
    from mien.photo.measuring import Measured
    from mien.types import Answer, Pixels

    Answered = tuple[str, Pixels | None, Answer | None, str]  # name, image, answer, message

Pictures = Annotated[
    list[str],
    typer.Argument(help="Images, folders or patterns (holiday/*.jpg); - reads stdin."),
]
DetectorName = Annotated[
    str, typer.Option("--detector", help="Card of the detector; see: mien models list")
]
EmbedderName = Annotated[
    str, typer.Option("--embedder", help="Card of the embedder; see: mien models list")
]
GalleryEmbedder = Annotated[
    str | None,
    typer.Option("--embedder", help="Card of the embedder; default: that of the gallery."),
]
DeviceName = Annotated[
    str, typer.Option("--device", help="Device: cpu, cuda, coreml ... No fallback.")
]
CommercialOnly = Annotated[
    bool,
    typer.Option("--commercial-only", help="Refuse weights not licensed for commercial use."),
]
TurnsChoice = Annotated[
    Literal["when-needed", "never", "always"],
    typer.Option("--turns", help="Turn images by 90, 180, 270 degrees to find faces."),
]
SmallestFace = Annotated[
    float | None,
    typer.Option(
        "--smallest",
        metavar="PX",
        help="Smallest face to search for, in pixels; smaller is slower. Default: by image size.",
    ),
]
AsTable = Annotated[
    bool, typer.Option("--table", help="Print a human-readable table instead of JSON lines.")
]
GalleryPath = Annotated[
    str, typer.Option("--gallery", "-g", help="Gallery: a file or an address ENGINE://...")
]

Who = Annotated[
    str | None,
    typer.Option(
        "--who",
        envvar="MIEN_WHO",
        help="Who does this, for the journal of the gallery; default: the user of the system.",
    ),
]
Purpose = Annotated[
    str | None,
    typer.Option(
        "--purpose",
        help="Purpose of the search, such as access-control; a governed gallery needs one.",
    ),
]
CalibrationPath = Annotated[
    Path | None,
    typer.Option("--calibration", help="Calibration file from mien calibrate; default: shipped."),
]
Prior = Annotated[
    float, typer.Option("--prior", help="Prior probability of a match, for `probability`.")
]
ExitCode = Annotated[
    bool, typer.Option("--exit-code", help="State the answer in the exit code; see above.")
]
LivenessAction = Annotated[
    Literal["off", "warn", "refuse"],
    typer.Option(
        "--liveness",
        help="Check that faces are live: warn states it, refuse makes failures reviews.",
    ),
]
LivenessHead = Annotated[
    str | None,
    typer.Option("--liveness-head", help="Card of the liveness head; default: minifasnet."),
]
LivenessAt = Annotated[
    str | None,
    typer.Option(
        "--liveness-at",
        metavar="POINT",
        help="Operating point of that head, such as bpcer5 (the default).",
    ),
]
OnRay = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="Measure on a Ray cluster: HOST:PORT of its head, or local.",
    ),
]
GALLERY = "people.mien"


def opened(
    detector: str,
    embedder: str | None,
    device: str,
    commercial_only: bool,
    turns: "Turns" = "when-needed",
    **how: Any,
) -> "Pipeline":
    """Open a pipeline; missing weights are fetched under a progress bar.

    `how` is passed to mien.photo.open_pipeline.
    """
    from mien.photo import open_pipeline
    from mien.zoo import fetch, find, is_fetched, require_commercial

    for name in (detector, embedder):
        card = find(name) if name else None
        if card and commercial_only:
            require_commercial(card)
        if card and not is_fetched(card):
            with progress(in_bytes=True) as on_step:
                fetch(card, on_step=on_step)
    return open_pipeline(
        detector=detector,
        embedder=embedder,
        device=device,
        commercial_only=commercial_only,
        turns=turns,
        **how,
    )


@contextmanager
def searching(
    pipeline: "Pipeline", gallery: str, who: str | None = None, purpose: str | None = None
) -> Iterator["Pipeline"]:
    """Return a pipeline that searches this gallery for a purpose."""
    from mien.service.galleries import searching

    with searching(pipeline, gallery, who=who, purpose=purpose) as known:
        yield known


def embedder_for(named: str | None, gallery: str | None) -> str:
    """Return the named embedder, or that of the gallery, or for a new gallery the default."""
    from mien.gallery import is_there
    from mien.service.galleries import embedder_of

    known = embedder_of(gallery) if not named and gallery and is_there(gallery) else None
    return named or known or EMBEDDER


def warn_of_size(gallery: "Gallery", detector: str, calibration: Path | None) -> None:
    """Say on stderr if a gallery has more people than the calibration was measured for."""
    from mien.decision import CalibrationError, size_warning
    from mien.gallery.watching import calibration_for

    try:
        known = calibration_for(gallery, detector, calibration)
    except CalibrationError:  # a search will say so; without a search no rate is needed
        return
    if warning := size_warning(gallery.enrolled(), known):
        complain(warning)


def sources_of(
    names: Sequence[str], skipped: "Skipped" = complain, others: "Skipped" = complain
) -> list[str]:
    """Return the paths of all images and films; "-" is kept.

    Args:
        names: paths, folders and patterns.
        skipped: is given a sentence about each entry of a folder that cannot be read.
        others: is given a sentence about files of other kinds.
    """
    from mien.media import find_sources

    paths = [name for name in names if name != "-"]
    found = [str(path) for path in find_sources(paths, skipped=skipped, others=others)]
    if "-" in names:
        found.insert(names.index("-"), "-")
    if not found:
        raise ImageError(
            f"No image and no film was found in {', '.join(names)}; check the path or pattern."
        )
    return found


def check_report(path: Path | None) -> None:
    """Raise an error before the work if the report does not end in .html or has no folder."""
    if path:
        from mien.report.templates import check_name

        check_name(path)
        check_place(path)


def check_place(path: Path | None) -> None:
    """Raise an error before the work if no file can be written there."""
    if path is None:
        return
    if path.is_dir():
        raise MienError(f"'{path}' cannot be written: it is a folder; name a file in it.")
    if not path.parent.is_dir():
        raise MienError(
            f"'{path}' cannot be written: folder '{path.parent}' does not exist; create it."
        )


def pictures(sources: Sequence[str]) -> list[str]:
    """Return the paths of all images; "-" is kept."""
    from mien.media import find_images

    found: list[str] = []
    for source in sources:
        found += (
            ["-"]
            if source == "-"
            else [str(path) for path in find_images([source], skipped=complain)]
        )
    if not found:
        raise ImageError(f"No image was found in {', '.join(sources)}; check the path or pattern.")
    return found


def source_of(name: str) -> str | bytes:
    """Return the path; for "-", the bytes of stdin."""
    return sys.stdin.buffer.read() if name == "-" else name


def open_picture(name: str) -> "Pixels":
    """Read an image from its path, or from stdin if the name is "-"."""
    from mien.media import read_image

    return read_image(source_of(name))


def complain_unsearched(name: str, answer: "Answer") -> None:
    """Report on stderr that a file has more images than the one that was searched."""
    if answer.images > 1:
        complain(
            f"{name} has {answer.images} images, of which only the first was searched; save pages "
            "as files, or an animation as a film."
        )


def each_answer(names: Sequence[str], task: str, pipeline: "Pipeline") -> Iterator["Answered"]:
    """Read and analyse images under a progress bar; name, image, answer and message of each.

    An image that cannot be read is reported on stderr; it has no answer, but a message.
    """
    from mien.photo import each_photo

    def then(name: str, found: "Measured | None") -> "Answered":
        assert found is not None
        if found.answer is None:
            return name, None, None, str(found.error)
        return name, found.image, pipeline.matched(found.answer, found.change), ""

    with progress() as on_step:
        on_step(task, 0, len(names))
        answers = each_photo(names, pipeline, lambda name: (source_of(name), None), then)
        for done, one in enumerate(answers, 1):
            if one[3]:
                complain(one[3])
            if one[2]:
                complain_unsearched(one[0], one[2])
            yield one
            on_step(task, done, len(names))


def workers(names: Sequence[object]) -> int:
    """Return the number of images to analyse at the same time: one for each core."""
    from mien.runtime import cpu_quota

    return max(1, min(len(names), cpu_quota()))
