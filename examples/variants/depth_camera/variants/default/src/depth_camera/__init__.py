"""Reads frames from a depth camera."""
