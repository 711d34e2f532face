"""What the commands print, as rich tables."""
