"""The one error that a user can mend."""


class InputError(ValueError):
    """Bad input. The message is one line: what is wrong, where, and how to mend it."""
