"""Training-free scores: numbers of an untrained network that are said to rank networks."""
