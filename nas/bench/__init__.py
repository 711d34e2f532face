"""Strategies compared: tasks, plays, and what they say."""
