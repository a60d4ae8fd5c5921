"""Training: BPTT over a corpus, its settings, callbacks and checkpoints."""
