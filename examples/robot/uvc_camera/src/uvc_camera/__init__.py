"""Films somebody with a lamp."""
