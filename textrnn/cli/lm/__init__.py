"""``textrnn lm``: language models, trained and asked."""
