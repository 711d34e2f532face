"""The errors a user can mend. Commands print the sentence and leave with `exit_code`."""


class UserError(ValueError):
    """The user's input can't be used. The message says what came, what was expected, what to do."""

    exit_code = 2


class OutOfDomain(UserError):
    """A model was asked about an architecture that it does not cover."""


class RunFailure(RuntimeError):
    """The run could not go on for a reason that is not the user's input (a full disk, say)."""

    exit_code = 1
