"""A head over time: controls, timelines, takes, puppets of photographs."""
