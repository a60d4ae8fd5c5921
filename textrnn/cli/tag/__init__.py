"""``textrnn tag``: a tag of each token of a text."""
