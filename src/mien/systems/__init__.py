"""Research methods, one folder each: card, README, head, training, proof and tests."""
