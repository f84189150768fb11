"""Errors that a user can act on; the command line prints each as one line and exits with its code."""


class LevadaError(Exception):
    """A mistake or a failed check that the user can mend: what, which rule, which value, the way out."""

    exit_code = 1

    def __str__(self) -> str:
        return " ".join(str(arg) for arg in self.args)


class CheckFailedError(LevadaError):
    """Two levels of the same network disagree, or a result breaks a promise that levada makes."""


class ToolMissingError(LevadaError):
    """A tool is not installed; the text names the one command that installs it."""

    exit_code = 3
