"""``textrnn transduce``: texts in, texts out, learned from pairs of them."""
