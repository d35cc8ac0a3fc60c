"""What ends a command early. Nothing else: every part of the command line imports this file."""


class UsageError(Exception):
    """Bad input: one line on standard error, exit code 2."""
