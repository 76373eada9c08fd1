"""Years from a face, in two stages; a masked autoencoder to start from few labels."""
