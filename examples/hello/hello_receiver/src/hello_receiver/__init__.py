"""Prints every greeting that it hears."""
