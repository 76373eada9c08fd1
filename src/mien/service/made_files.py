"""Files of makers: a visible mark, provenance in the metadata, and a sidecar file.

NAME.png                 the result: complete or absent
NAME.provenance.json     maker, inputs, weights and settings; written before the results
                         appear under their names, so that a file without it is not a
                         result of mien
"""

import hashlib
import json
import os
import secrets
import wave
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from mien.contracts import Artefact, ArtefactKind, Made, Provenance
from mien.errors import MienError
from mien.media import (
    FilmWriter,
    encode_image,
    is_film,
    mark,
    read_image,
    read_sound,
    source_packet,
    wav_note,
    write_bytes,
)
from mien.media.notes import SOURCE_TYPE, SOURCE_TYPES
from mien.media.writing import FORMATS
from mien.types import Mesh, Pixels, Sound

SIDECAR = ".provenance.json"
SUFFIXES: dict[ArtefactKind, str] = {
    "image": ".png", "film": ".mp4", "sound": ".wav", "mesh": ".obj"
}  # fmt: skip
FILMS = (".mp4", ".mov", ".mkv")
WRITTEN = (*(one for one in FORMATS if one != ".bmp"), *FILMS, ".wav", ".obj")  # of results
RATE = 16_000  # samples per second of sound that is read


def read_artefact(need: str, path: Path) -> Artefact:
    """Read one input of a maker, of the kind that `needs` names.

    Raises:
        MienError: the file is of another kind, or cannot be read.
    """
    kind = need.partition("-")[0]
    name, digest = path.name, _sha256(path)
    if kind == "image":
        return Artefact("image", image=read_image(path), name=name, sha256=digest)
    if kind == "film":
        if not is_film(path):
            raise MienError(f"'{path}' is not supported: expected a film, such as clip.mp4.")
        return Artefact("film", path=path, name=name, sha256=digest)
    if kind == "sound":
        blocks = list(read_sound(path, rate=RATE))
        samples = np.concatenate([block for _, block in blocks])
        return Artefact("sound", sound=Sound(samples, RATE, blocks[0][0]), name=name, sha256=digest)
    return Artefact("mesh", mesh=_read_obj(path), name=name, sha256=digest)


def settings_key(provenance: Mapping[str, Any]) -> str:
    """Return the key of inputs, maker and settings; equal keys mean equal results."""
    return hashlib.sha256(json.dumps(provenance, sort_keys=True).encode()).hexdigest()[:16]


def done_files(stem: Path, key: str) -> tuple[Path, ...] | None:
    """Return the complete files with this key; None if they must be made.

    Raises:
        MienError: files of that name exist, with another key.
    """
    sidecar = stem.with_name(stem.name + SIDECAR)
    try:
        stored = json.loads(sidecar.read_text("utf-8"))
        files = {stem.with_name(name): digest for name, digest in stored["files"].items()}
        mine = stored["key"] == key
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        files, mine = {}, False
    if mine:
        whole = all(path.is_file() and _sha256(path) == sha for path, sha in files.items())
        return tuple(files) if whole else None
    others = sorted(
        path
        for path in stem.parent.glob(f"{glob_escaped(stem.name)}*")
        if (path.stem == stem.name and path.suffix.lower() in WRITTEN)
        or path.name.startswith(f"{stem.name}-made-")
        or path == sidecar
    )
    if others:
        raise MienError(
            f"{others[0]} exists already and was not made from this input with these settings; "
            "choose another --out, or delete that file."
        )
    return None


def glob_escaped(name: str) -> str:
    """Escape the brackets and stars of a name for glob."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def write_made(
    made: Made, stem: Path, suffix: str, key: str, marked: bool, step: Any
) -> tuple[Path, ...]:
    """Write all files of one run: all complete, or none under its name.

    Args:
        made: the results of a maker.
        stem: path without suffix; several artefacts are distinguished by their names.
        suffix: of the first artefact; "": the default of its kind.
        key: of `settings_key`.
        marked: whether images and films have a visible mark.
        step: called after each frame of a film; may raise an error to stop the work.
    """
    provenance = provenance_row(made.provenance)
    note = json.dumps({**provenance, "marked": marked})
    word = made.provenance.change if marked else ""
    xmp = source_packet(made.provenance.change)
    parts: dict[Path, Path] = {}
    try:
        for number, one in enumerate(made.artefacts):
            ending = suffix if number == 0 and suffix else SUFFIXES[one.kind]
            several = f"-made-{one.name}" if len(made.artefacts) > 1 else ""
            final = stem.with_name(f"{stem.name}{several}{ending}")
            part = final.with_name(f".{secrets.token_hex(8)}.part{ending}")
            parts[part] = final
            _write(one, part, word, note, xmp, step)
        files = {final.name: _sha256(part) for part, final in parts.items()}
        row = {
            "key": key,
            "files": files,
            "marked": marked,
            **provenance,
            "notes": list(made.notes),
        }
        text = json.dumps(row, ensure_ascii=False, indent=1) + "\n"
        write_bytes(stem.with_name(stem.name + SIDECAR), text.encode())
        for part, final in parts.items():
            os.replace(part, final)
    finally:
        for part in parts:
            for left in (part, part.with_name(f"{part.stem}.partial{part.suffix}")):
                with suppress(OSError):
                    left.unlink()
    return tuple(parts.values())


def provenance_row(provenance: Provenance) -> dict[str, Any]:
    """Return provenance as a JSON object for the sidecar and the metadata."""
    return {
        "mien": version("mien"),
        "change": provenance.change,
        "digital_source_type": SOURCE_TYPES + SOURCE_TYPE[provenance.change],
        "maker": provenance.maker,
        "digest": provenance.digest,
        "made_from": [{"name": name, "sha256": sha} for name, sha in provenance.made_from],
        "weights": list(provenance.weights),
        "options": dict(provenance.options),
        "seed": provenance.seed,
    }


def check_suffix(suffix: str) -> None:
    """Raise an error for a suffix without writer or without provenance."""
    if suffix.lower() not in WRITTEN:
        raise MienError(
            f"Suffix '{suffix}' of --out is not supported: expected one of "
            f"{', '.join(WRITTEN)}, or a folder."
        )


def _write(one: Artefact, path: Path, word: str, note: str, xmp: bytes, step: Any) -> None:
    """Write one artefact to a file; the suffix must fit its kind."""
    if not _fits(one.kind, path.suffix.lower()):
        raise MienError(
            f"The result is a {one.kind}, but '{path.suffix}' cannot store it; end --out in "
            f"{SUFFIXES[one.kind]}."
        )
    if one.kind == "image" and one.image is not None:
        image = _marked(one.image, word)
        write_bytes(path, encode_image(image, FORMATS[path.suffix.lower()], note=note, xmp=xmp))
    elif one.kind == "film" and one.frames is not None:
        with FilmWriter(path, note=note) as writer:
            for number, (time, frame) in enumerate(one.frames, 1):
                writer.add(_marked(frame, word), time)
                step("film", number, 0)
    elif one.kind == "sound" and one.sound is not None:
        write_bytes(path, wav_note(_wav(one.sound), note))
    elif one.kind == "mesh" and one.mesh is not None:
        write_bytes(path, f"# {note}\n{_obj(one.mesh)}".encode())
    else:
        raise MienError(f"The maker returned a {one.kind} without frames; nothing can be written.")


def _fits(kind: ArtefactKind, suffix: str) -> bool:
    if kind == "image":
        return suffix in FORMATS
    return suffix in (FILMS if kind == "film" else (SUFFIXES[kind],))


def _marked(image: Pixels, word: str) -> Pixels:
    return mark(image, word) if word else image


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise MienError(
            f"'{path}' cannot be read ({error.strerror or error}); check the file."
        ) from error


def _wav(sound: Sound) -> bytes:
    out = BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sound.rate)
        file.writeframes((np.clip(sound.samples, -1, 1) * 32767).astype("<i2").tobytes())
    return out.getvalue()


def _obj(mesh: Mesh) -> str:
    """Return a mesh as Wavefront OBJ: points in mm, indices from 1."""
    rows = [f"v {x:.5f} {y:.5f} {z:.5f}" for x, y, z in mesh.points.tolist()]
    rows += [f"vt {u:.6f} {v:.6f}" for u, v in (mesh.uv.tolist() if mesh.uv is not None else ())]
    corner = "{0}/{0}" if mesh.uv is not None else "{0}"
    rows += [
        "f " + " ".join(corner.format(index + 1) for index in face)
        for face in mesh.triangles.tolist()
    ]
    return "\n".join(rows) + "\n"


def _read_obj(path: Path) -> Mesh:
    points, faces = [], []
    try:
        for line in path.read_text("utf-8").splitlines():
            words = line.split()
            if words[:1] == ["v"]:
                points.append([float(word) for word in words[1:4]])
            elif words[:1] == ["f"]:
                ring = [int(word.partition("/")[0]) - 1 for word in words[1:]]
                faces += [[ring[0], ring[k], ring[k + 1]] for k in range(1, len(ring) - 1)]
        mesh = Mesh(np.array(points, np.float32).reshape(-1, 3), np.array(faces).reshape(-1, 3))
    except (OSError, ValueError, IndexError) as error:
        raise MienError(f"'{path}' is not a valid Wavefront OBJ file ({error}).") from error
    if not len(mesh.points) or not len(mesh.triangles):
        raise MienError(f"'{path}' has no mesh: expected an OBJ file with v and f lines.")
    return mesh
