"""The one base of errors that people are expected to meet."""


class SkypileError(Exception):
    """Its message names the value, the rule and the likely slip; the command line shows it without a traceback."""
