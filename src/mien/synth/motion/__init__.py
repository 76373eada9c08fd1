"""A head over time: controls, timelines, takes, photo puppets."""
