"""What goes wrong when an accelerator is run; each text says what to do."""


class DriverError(Exception):
    """The package, its input or its back end cannot be used as asked."""


class MissingError(DriverError):
    """A package of Python that this action needs is not installed."""


class ChipError(DriverError):
    """A batch did not come to its end; the accelerator was reset, and the next batch runs again."""


class StuckError(ChipError):
    """The accelerator stopped moving data before all of it came out."""
