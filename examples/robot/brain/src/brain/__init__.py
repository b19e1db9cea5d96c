"""Points the arm at what the camera sees."""
