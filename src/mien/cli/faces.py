"""Commands about faces without identity: detect, quality, embed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mien.cli.options import (
    AsTable,
    CommercialOnly,
    DetectorName,
    DeviceName,
    EmbedderName,
    OnRay,
    Pictures,
    SmallestFace,
    TurnsChoice,
    each_answer,
    opened,
    pictures,
    workers,
)
from mien.cli.terminal import print_json_line, print_table
from mien.errors import ImageError, MienError
from mien.zoo import DETECTOR, EMBEDDER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mien.types import Face, Pixels

Drawn = Annotated[Path | None, typer.Option("--draw", help="Folder for copies with marked faces.")]


def detect(
    images: Pictures,
    detector: DetectorName = DETECTOR,
    turns: TurnsChoice = "when-needed",
    smallest: SmallestFace = None,
    draw: Drawn = None,
    table: AsTable = False,
    device: DeviceName = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Find faces: box, five points and score, or the likely reason for none.

    Example: mien detect holiday/*.jpg --draw marked > faces.jsonl
    """
    from mien.service.schema import answer_row, face_row

    names = pictures(images)
    pipeline = opened(
        detector, None, device, commercial_only, turns, smallest=smallest, workers=workers(names)
    )
    pipeline.quality = False
    rows, failed = [], 0
    for name, image, answer, error in each_answer(names, "detect", pipeline):
        if image is None or answer is None:
            failed += 1
            print_json_line({"image": name, "error": error})
            continue
        if draw:
            draw_into(draw, name, image, answer.faces)
        if table:
            score = answer.faces[0].score if answer.faces else None
            rows.append([name, len(answer.faces), score, answer.reason])
            continue
        faces = [face_row(face) for face in answer.faces]
        kept = [{key: face[key] for key in ("box", "score", "points")} for face in faces]
        row = answer_row(answer, name)
        keys = ("image", "images", "size", "turned", "brightened", "smallest", "reason", "models")
        print_json_line({**{key: row[key] for key in keys if key in row}, "faces": kept})
    if table:
        print_table(["image", "faces>", "best score>", "reason"], rows)
    stop_if_failed(failed)


def quality(
    images: Pictures,
    detector: DetectorName = DETECTOR,
    turns: TurnsChoice = "when-needed",
    smallest: SmallestFace = None,
    table: AsTable = False,
    device: DeviceName = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Assess face quality: ISO/IEC 29794-5 components (0 to 100) and advice.

    Example: mien quality passport.jpg --table
    """
    from mien.service.schema import Extent, face_row

    names = pictures(images)
    pipeline = opened(
        detector, None, device, commercial_only, turns, smallest=smallest, workers=workers(names)
    )
    failed = 0
    for name, image, answer, error in each_answer(names, "quality", pipeline):
        if image is None or answer is None:
            failed += 1
            print_json_line({"image": name, "error": error})
            continue
        if not table:
            whole = [face_row(face, Extent(details=True)) for face in answer.faces]
            faces = [{key: face[key] for key in ("box", "quality")} for face in whole]
            print_json_line({"image": name, "reason": answer.reason, "faces": faces})
            continue
        for number, face in enumerate(answer.faces, 1):
            assert face.quality is not None
            title = f"{name}, face {number} of {len(answer.faces)}"
            measures = face.quality.measures
            rows = [[k, v, measures.get(k)] for k, v in face.quality.components.items()]
            print_table(["component", "0-100>", "measured>"], rows, title)
            for advice in face.quality.advice:
                typer.echo(f"  {advice}")
        if not answer.faces:
            typer.echo(f"{name}: no face ({answer.reason})")
    stop_if_failed(failed)


def embed(
    images: Pictures,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write, .npz.")],
    detector: DetectorName = DETECTOR,
    embedder: EmbedderName = EMBEDDER,
    turns: TurnsChoice = "when-needed",
    smallest: SmallestFace = None,
    ray: OnRay = None,
    device: DeviceName = "cpu",
    commercial_only: CommercialOnly = False,
) -> None:
    """Write the embedding of every face to one NumPy file.

    The file holds embeddings, file names, boxes and the contract id. It is written at the end.

    Example: mien embed holiday/ --out holiday.npz
    """
    import io

    import numpy as np

    from mien.media import write_bytes

    names = pictures(images)
    pipeline = opened(
        detector,
        embedder,
        device,
        commercial_only,
        turns,
        smallest=smallest,
        workers=workers(names),
        cluster=ray,
    )
    if out.suffix != ".npz":
        raise MienError(f"'{out}' is not supported: the file name must end in .npz.")
    found, failed = [], 0
    for name, _, answer, _ in each_answer(names, "embed", pipeline):
        failed += answer is None
        found += [(name, face) for face in (answer.faces if answer is not None else ())]
    contract = pipeline.embedder.contract if pipeline.embedder else ""
    data = io.BytesIO()
    np.savez(
        data,
        vectors=np.array([face.embedding for _, face in found], np.float32),
        images=np.array([name for name, _ in found], dtype=np.str_),
        boxes=np.array([face.box for _, face in found], np.float32),
        contract=np.array(contract),
    )
    write_bytes(out, data.getvalue())
    print_json_line({"out": out, "faces": len(found), "contract": contract})
    stop_if_failed(failed)


def draw_into(folder: Path, name: str, image: "Pixels", faces: "Sequence[Face]") -> None:
    """Write a copy of the image with marked faces; all copies stay in the folder."""
    from mien.media import draw_faces, write_image

    folder.mkdir(parents=True, exist_ok=True)
    stem = "stdin" if name == "-" else Path(name).stem
    target = folder / f"{stem}.jpg"
    number = 2
    while target.exists():
        target, number = folder / f"{stem}-{number}.jpg", number + 1
    write_image(target, draw_faces(image, faces))


def stop_if_failed(failed: int) -> None:
    """Exit with code 1 if images could not be read; each was reported already."""
    if failed:
        raise ImageError(f"{failed} could not be read; the others are complete.")
