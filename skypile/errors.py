"""What people are expected to meet: errors that are shown as one sentence, without a traceback."""


class SkypileError(Exception):
    """Its message names the value, the rule and the likely slip; the command line shows it without a traceback."""


class Refused(SkypileError, ValueError):
    """What was given (a setting, a file, an argument) cannot be used; the message names it, the rule and the slip."""
