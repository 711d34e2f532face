"""The report of a search: what its folder holds, its charts, its page, and its notebook view."""
