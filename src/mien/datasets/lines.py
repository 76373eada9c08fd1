"""Lines of lists, with the file and the line for error messages."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mien.errors import MienError


def lines_of(path: Path, layout: str) -> Iterator[tuple[str, list[str]]]:
    """Words of each line that is not empty, with "file, line N" for error messages.

    Raises:
        MienError: the file is missing or is not text.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise MienError(
            f"{path} cannot be read ({error}), but the layout of {layout} has it; give the folder "
            "that the data set was unpacked into."
        ) from None
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield f"{path}, line {number}", line.split()


def whole(word: str, where: str) -> int:
    """A whole number of 0 or more.

    Raises:
        MienError: it is not a whole number.
    """
    if not word.isascii() or not word.isdigit():
        raise MienError(f"{where}: '{word}' is not a whole number; correct the list.")
    return int(word)


def need(words: Sequence[str], counts: Sequence[int], where: str) -> None:
    """Refuse a line with another number of words.

    Raises:
        MienError: with the number of words.
    """
    if len(words) not in counts:
        wanted = " or ".join(map(str, counts))
        raise MienError(f"{where} has {len(words)} words instead of {wanted}; correct the list.")


def label(names: Sequence[str], word: str, where: str) -> str:
    """The name of the number of a label.

    Raises:
        MienError: the number is outside the range.
    """
    number = whole(word, where)
    if number >= len(names):
        raise MienError(
            f"{where}: label {number} is outside 0 to {len(names) - 1} ({', '.join(names)})."
        )
    return names[number]
