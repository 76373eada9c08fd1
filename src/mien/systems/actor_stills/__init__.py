"""People in film stills: leave one film out, and the random split of the paper."""
