"""From text to tokens, from tokens to ids, and the vectors of words."""
