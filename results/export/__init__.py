"""A network as files that other programs read."""
