"""MIDAS: expressions in films, trained on vote shares of raters by mixing whole clips."""
