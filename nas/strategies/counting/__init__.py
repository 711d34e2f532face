"""What networks of a space cost, many at once: from tables, or from the networks."""
