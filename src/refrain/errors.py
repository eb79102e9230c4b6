"""Everything that a user can cause, as one sentence that says what to do.

RefrainError
├── BadInput      a file, a number or a word that cannot be used
├── Unsupported   a thing that this model, machine or build cannot do
└── BadWeights    a checkpoint that is incomplete, strange or unsafe
"""


class RefrainError(Exception):
    """One clear sentence; the command prints it and exits with status 2."""


class BadInput(RefrainError):
    """A file, a number or a word that cannot be used."""


class Unsupported(RefrainError):
    """A thing that this model, machine or build cannot do."""


class BadWeights(RefrainError):
    """A checkpoint that is incomplete, strange or unsafe."""
