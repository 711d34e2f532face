"""The final training: from a network and images to weights that are used."""
