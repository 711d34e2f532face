"""Weights that a network takes over from a larger, trained one."""
