"""Live face or presentation attack, from the texture of one frame; trained by us."""
