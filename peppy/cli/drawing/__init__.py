"""Pure functions from a view to text: the same view always gives the same text, ready for a pipe.

Nothing is cut or wrapped, and nothing is coloured here.
"""
