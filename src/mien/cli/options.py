"""Options that several commands share, and the loop over many pictures."""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from mien.cli.terminal import complain, print_json_line, progress
from mien.errors import ImageError, MienError

if TYPE_CHECKING:
    from mien.detect import Turns
    from mien.photo import Pipeline
    from mien.types import Pixels

Pictures = Annotated[
    list[str],
    typer.Argument(help="Pictures, folders or patterns (holiday/*.jpg); - reads one from stdin."),
]
DetectorName = Annotated[
    str, typer.Option("--detector", help="Card that finds faces; see: mien models list")
]
EmbedderName = Annotated[
    str, typer.Option("--embedder", help="Card that makes vectors; see: mien models list")
]
DeviceName = Annotated[
    str, typer.Option("--device", help="cpu, cuda, coreml ...; a missing one is an error.")
]
CommercialOnly = Annotated[
    bool,
    typer.Option("--commercial-only", help="Refuse weights not licensed for commercial use."),
]
TurnsChoice = Annotated[
    Literal["when-needed", "never", "always"],
    typer.Option("--turns", help="Whether to turn pictures by 90, 180, 270 degrees to find faces."),
]
AsTable = Annotated[bool, typer.Option("--table", help="A table for eyes instead of JSON lines.")]
GalleryPath = Annotated[Path, typer.Option("--gallery", "-g", help="File that holds the people.")]

CalibrationPath = Annotated[
    Path | None,
    typer.Option("--calibration", help="File that mien calibrate wrote; default: the shipped one."),
]
Prior = Annotated[
    float, typer.Option("--prior", help="Probability assumed before looking, for `probability`.")
]
GALLERY = Path("people.mien")


def opened(
    detector: str,
    embedder: str | None,
    device: str,
    commercial_only: bool,
    turns: "Turns" = "when-needed",
    **how: Any,
) -> "Pipeline":
    """Open a pipeline; weights that are not here yet are fetched under a progress bar.

    `how` goes to mien.photo.open_pipeline as it is.
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


def pictures(sources: Sequence[str]) -> list[str]:
    """Paths of all pictures; "-" stays what it is."""
    from mien.media import find_images

    found: list[str] = []
    for source in sources:
        found += ["-"] if source == "-" else [str(path) for path in find_images([source])]
    if not found:
        raise ImageError(f"There is no picture in {', '.join(sources)}.")
    return found


def open_picture(name: str) -> "Pixels":
    """Read a picture by its path, or from stdin if the name is "-"."""
    from mien.media import read_image

    return read_image(sys.stdin.buffer.read() if name == "-" else name)


def each_picture(names: Sequence[str], task: str) -> Iterator[tuple[str, "Pixels | None", str]]:
    """Read pictures one by one under a progress bar.

    One that cannot be read is told on stderr and given as None with the sentence; the others go on.
    """
    with progress() as on_step:
        for done, name in enumerate(names):
            on_step(task, done, len(names))
            try:
                yield name, open_picture(name), ""
            except ImageError as error:
                complain(str(error))
                yield name, None, str(error)
        on_step(task, len(names), len(names))


class Lines:
    """Where JSON lines go: to stdout, or to a file that a later run continues.

    Every line is on its way to the disk before the next picture is looked at.
    """

    def __init__(self, out: Path | None, settings: dict[str, Any]) -> None:
        """Open `out`; settings are kept in its first line, and must be the same to go on."""
        self.done: set[str] = set()
        self._file = None
        if out is None:
            return
        head = {"mien": settings}
        if out.exists() and out.stat().st_size:
            self._read(out, head)
        self._file = out.open("a", encoding="utf-8")
        if not self._file.tell():
            self._write(head)

    def _read(self, out: Path, head: dict[str, Any]) -> None:
        from mien.media import write_bytes

        whole = out.read_bytes()
        end = whole.rfind(b"\n") + 1  # a killed run may leave half a line behind
        try:
            first, *rest = [json.loads(line) for line in whole[:end].splitlines()] or [None]
        except ValueError:
            first, rest = None, []
        if first != head:
            raise MienError(
                f"{out} is not a result of this command with these settings; continuing it would "
                "mix two runs. Choose another --out, or delete that file."
            )
        # What could not be read is tried again, so its lines go;
        # and so do films that were not looked at to the end.
        kept = [row for row in rest if "error" not in row and row.get("complete", True)]
        self.done = {row["film" if "film" in row else "image"] for row in kept}
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in (head, *kept))
        write_bytes(out, "".join(lines).encode())

    @property
    def in_file(self) -> bool:
        """Whether rows go to a file, so that stdout is free for a table."""
        return self._file is not None

    def write(self, row: dict[str, Any]) -> None:
        """One row about one picture."""
        if self._file:
            self._write(row)
        else:
            print_json_line(row)

    def _write(self, row: dict[str, Any]) -> None:
        assert self._file is not None
        try:
            self._file.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise MienError(
                f"{self._file.name} cannot be written ({error.strerror}); what it holds is whole, "
                "and the same command continues it."
            ) from error

    def close(self) -> None:
        """Close the file, if there is one."""
        if self._file:
            self._file.close()
