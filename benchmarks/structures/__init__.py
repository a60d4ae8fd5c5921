"""Measures what the structures of inputs and outputs can do; see `docs/structures.md`.

The command is in ``__main__``, one part of it a file.
"""
