"""Apparent age in years, trained in two stages; a masked autoencoder for few labels."""
