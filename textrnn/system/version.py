"""The version, which every room may say."""

__version__ = "0.2.0.dev0"
