"""Devices: what networks take on hardware, measured here or predicted from a file or a table."""
