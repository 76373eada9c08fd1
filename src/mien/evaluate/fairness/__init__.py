"""Performance by group, and grids of trained models that differ in one choice."""
