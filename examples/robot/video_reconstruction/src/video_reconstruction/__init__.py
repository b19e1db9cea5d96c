"""Keeps the last seconds of a video."""
