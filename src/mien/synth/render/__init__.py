"""From a scene to a frame with ground truth: camera, light, raster, shading, degradation."""
