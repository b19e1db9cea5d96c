"""Turns three joints, as it is commanded."""
