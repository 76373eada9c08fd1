"""Conv-cut: a truncated ConvNeXt, a detail block and attention over places of the face."""
