"""Virtual people by diffusion: a person in the pose, light and smile of a rendered map."""
