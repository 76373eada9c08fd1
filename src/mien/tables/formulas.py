"""Text that a spreadsheet would run."""

FORMULAS = "=+-@\t\r"  # first characters that make a spreadsheet run a text as a formula


def is_formula(text: str) -> bool:
    """Return whether a spreadsheet would run a text as a formula."""
    return text[:1] in FORMULAS and bool(text)


def harmless(text: str) -> str:
    """Escape a text with an apostrophe, so that a spreadsheet does not run it as a formula."""
    return f"'{text}" if is_formula(text) else text
