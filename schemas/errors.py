"""Errors that are the user's to mend. The command prints each as one line and exits with 2, before any work is done."""


class UserError(Exception):
    """Bad command line, missing file or wrong setting. The message names the file, row or field, and what to do."""


class RecipeError(UserError):
    """A recipe that does not validate. The message reads ``file:line: field: what is wrong``."""


class ContractError(UserError):
    """A table that does not hold what its contract says. The message names the file, the column and both types."""


class ResumableError(Exception):
    """Work stopped half way; the same command goes on from what has landed. The command exits with 1."""
