"""What goes wrong between actors, as exceptions that carry their values.

Those that speak of an actor's end stand beside it: `ActorEnded` in `ref`, `Escalated` in
`supervision`.
"""

from typing import Any


class ActorError(Exception):
    """The root of the kernel's own errors; its text is a whole sentence."""


class Unanswered(ActorError):
    """`receive` returned from a question without answering, refusing, promising or forwarding."""

    def __init__(self, path: str, question: object) -> None:
        self.path = path
        self.question = question
        super().__init__(f"'{path}' did not answer '{type(question).__name__}': {question!r}")


class AlreadyAnswered(ActorError):
    """A question was answered, refused, promised or forwarded a second time."""

    def __init__(self, question: object) -> None:
        self.question = question
        super().__init__(f"'{type(question).__name__}' has its answer already: {question!r}")


class NotAsked(ActorError):
    """An answer was given to something else than the question that is being received."""

    def __init__(self, path: str, question: object) -> None:
        self.path = path
        self.question = question
        super().__init__(
            f"'{type(question).__name__}' is not what '{path}' is receiving now; "
            "take a promise while it is received to answer it later"
        )


class WrongAnswer(ActorError, TypeError):
    """An answer is not of the type that its question names."""

    def __init__(self, question: object, expected: type[Any], answer: object) -> None:
        self.question = question
        self.expected = expected
        self.answer = answer
        super().__init__(
            f"'{type(question).__name__}' is answered by '{expected.__name__}', "
            f"not by '{type(answer).__name__}'"
        )


class NameTaken(ActorError):
    """A child has this name, and is not leaving."""

    def __init__(self, parent: str, name: str) -> None:
        self.parent = parent
        self.name = name
        super().__init__(f"'{parent}' has a child called '{name}' already")


class GraceExceeded(ActorError):
    """An actor did not end within its grace, so its scope was cancelled."""

    def __init__(self, path: str, grace: float) -> None:
        self.path = path
        self.grace = grace
        super().__init__(f"'{path}' did not end within {grace:g} s and was killed")


class NotHere(ActorError):
    """A tool was used where it cannot work: before the actor runs, after its end, elsewhere."""
