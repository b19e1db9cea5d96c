"""Says hello to someone in particular."""
