"""Says hello, in Trio."""
