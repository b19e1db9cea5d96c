"""Says stop before something is hit."""
