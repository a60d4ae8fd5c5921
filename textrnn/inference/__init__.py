"""A trained classifier without its training: one text, many, or word by word."""
