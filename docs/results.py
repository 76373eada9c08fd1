"""The table of results in README, made from the cards: nobody types a number twice.

python docs/results.py          prints it
python docs/results.py --write  puts it into README.md
"""

import re
import sys
from pathlib import Path

from mien.zoo import cards

README = Path(__file__).parent.parent / "README.md"
PLACE = re.compile(r"(<!-- results:.*?-->\n)(.*?)(<!-- end of results -->)", re.S)


def table() -> str:
    """One row a result of a card, with its interval and its command."""
    rows = ["| Model | Measured on | What | Result | Command |", "|---|---|---|---|---|"]
    for card in cards().values():
        for result in card.results:
            low, high = result.get("low"), result.get("high")
            value = f"{result['value']:g}" + (f" ({low:g} to {high:g})" if low is not None else "")
            cells = [card.name, result["protocol"], result["metric"], value]
            rows.append(f"| {' | '.join(cells)} | `{result['command']}` |")
    return "\n".join(rows) + "\n"


def written(text: str) -> str:
    """README with the table of today in its place."""
    return PLACE.sub(lambda match: match[1] + table() + match[3], text)


if __name__ == "__main__":
    if "--write" in sys.argv:
        README.write_text(written(README.read_text("utf-8")), "utf-8")
    else:
        print(table())
