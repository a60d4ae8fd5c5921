"""The training of an encoder-decoder: its pairs of texts, learning rule, settings and fit."""
