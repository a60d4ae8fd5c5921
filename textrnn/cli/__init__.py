"""The command line: parse, call, print."""


def main() -> None:
    """Entry point of the console script: Ctrl-C is answered from its first moment.

    What the process needs for itself is set here and not where modules are imported, which
    anybody may do in a process of their own.
    """
    from textrnn.cli import interrupts

    interrupts.watch()
    try:
        _prepare_process()
        from textrnn.cli import app

        app.main()
    except BaseException as error:  # a module that is cut off as it starts may raise anything
        if isinstance(error, SystemExit) or not interrupts.came():
            raise
        interrupts.no_more()
        raise SystemExit(interrupts.INTERRUPTED) from None


def _prepare_process() -> None:
    """Before NumPy is imported, which reads the one, and all else, which is slowed by the other."""
    import gc

    from textrnn.system.blas import limit_from_the_start

    limit_from_the_start()
    # Imports make 40,000 objects that stay; Python would look through them for garbage 70 times.
    gc.set_threshold(50_000, 10, 10)
