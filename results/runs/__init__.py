"""A run on disk: its folder, its trials, and its one life."""
