"""Moves the arm to where somebody wants it."""
