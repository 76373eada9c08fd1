"""Gender predictors as objects of study: architectures, losses and data sets compared."""
