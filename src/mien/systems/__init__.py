"""Research methods, one folder each: card, page, head, training, proof and tests together."""
