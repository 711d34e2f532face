"""A grid of scaled networks: its points, its measurements, the choice."""
