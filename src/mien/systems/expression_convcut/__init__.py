"""Conv-cut: a ConvNeXt cut short, a detail block and attention over places of the face."""
