"""A4Net: the emotion that a whole picture evokes, with four readable attributes."""
