"""Python runs this at every start where the folder is on PYTHONPATH: see ``elsewhere``."""

try:
    import elsewhere

    elsewhere.begin()
except Exception as error:  # which Python would tell and go on, with nothing hidden
    raise SystemExit(f"tests/elsewhere: {error}") from error
