"""The command line: parse, call, print."""

from textrnn.threads import limit_from_the_start

limit_from_the_start()  # here, as every command's modules are imported after this one
