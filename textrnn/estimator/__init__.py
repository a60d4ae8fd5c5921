"""The library's faces."""
