"""Convert published weights to the graphs that the runtime opens."""
