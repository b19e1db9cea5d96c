"""Counts the frames of each camera of a fleet."""
