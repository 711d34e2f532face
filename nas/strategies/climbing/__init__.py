"""Climbs of a search by generations: what changes bring, how one goes, where they begin."""
