"""An architecture as numbers.

Every encoding is a function `encode(architectures)` from a list of architectures of one space, at
least one, to an array of shape (architectures, features). A row depends on its architecture alone,
the columns on the space alone.
"""
