"""The model folder: written whole, read as a stranger's, checked by tables."""
