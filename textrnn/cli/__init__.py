"""The command line: parse, call, print."""

import gc

from textrnn.system.blas import limit_from_the_start

# Both stand here, as every command's modules are imported after this one.
limit_from_the_start()
# Imports make 40,000 objects that stay; Python would look through them for garbage 70 times.
gc.set_threshold(50_000, 10, 10)


def main() -> None:
    """Entry point of the console script: Ctrl-C is answered from its first moment."""
    from textrnn.cli import interrupts

    interrupts.watch()
    try:
        from textrnn.cli import app

        app.main()
    except BaseException as error:  # a module that is cut off as it starts may raise anything
        if isinstance(error, SystemExit) or not interrupts.came():
            raise
        interrupts.no_more()
        raise SystemExit(interrupts.INTERRUPTED) from None
