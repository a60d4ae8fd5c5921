"""Scores, intervals, thresholds, calibration, and which classifier to use."""
