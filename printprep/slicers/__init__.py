"""Slicers: one driver an engine."""
