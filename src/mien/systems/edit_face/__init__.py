"""Edit a smile or the skin tone of a face in a photograph."""
