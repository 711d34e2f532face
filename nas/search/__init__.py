"""A search: its plan, who asks, the loop, what comes of it."""
