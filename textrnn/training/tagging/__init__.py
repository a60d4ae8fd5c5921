"""How a tagger is trained: its settings, and the stages of its fit."""
