"""More images of few people: a generator and a recogniser that are trained against each other."""
