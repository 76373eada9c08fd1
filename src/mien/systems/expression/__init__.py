"""Seven words for what a face shows."""
