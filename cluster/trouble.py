"""What the user is told instead of a stack of functions."""


class Trouble(Exception):
    """Says what, where, and how to mend it."""
