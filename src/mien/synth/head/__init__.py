"""Head models: shape, blendshapes, eyes, landmarks, importers."""
