"""A language model: its settings, its examples, and the stages of its fit."""
