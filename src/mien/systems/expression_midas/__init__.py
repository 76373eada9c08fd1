"""MIDAS: expressions in films, learnt from the shares of raters by mixing whole clips."""
