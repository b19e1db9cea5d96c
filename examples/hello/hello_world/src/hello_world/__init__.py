"""Says hello to whoever listens."""
