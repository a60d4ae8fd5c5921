"""Bags of words: n-grams hashed, counted and fitted; NB-SVM; the baselines."""
