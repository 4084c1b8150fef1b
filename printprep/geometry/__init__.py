"""Geometry: arrays in, arrays out, millimetres; no files, clock or network."""
