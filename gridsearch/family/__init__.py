"""Families of scaled networks, and the ways of scaling compared."""
