"""What is refused about repositories, as sentences."""

from collections.abc import Iterable

from peppy.schema.errors import PeppyError
from peppy.schema.wording import nearest, quoted


class UnknownRepository(PeppyError):
    """A repository that nobody has added."""

    kind = "unknown_repository"

    def __init__(self, name: str, there: Iterable[str]) -> None:
        guess = nearest(name, there)
        other = "'peppy repo list' shows those that there are"
        super().__init__(
            f"there is no repository {quoted(name)}",
            hint=other if guess is None else f"did you mean {quoted(guess)}?",
        )


class AlreadyAdded(PeppyError):
    """A place, or a name, that a repository has."""

    kind = "already_added"

    def __init__(self, name: str, place: str) -> None:
        super().__init__(
            f"there is a repository '{name}' already, of {quoted(place)}",
            hint=f"'peppy repo refresh {name}' looks at it again; another place takes another"
            " name, with '--name'",
        )


class NotARepository(PeppyError):
    """A text that names no place that could hold nodes."""

    kind = "not_a_repository"

    def __init__(self, text: str, hint: str) -> None:
        super().__init__(f"{quoted(text)} is not a repository", hint=hint)


class NoSuchEntry(PeppyError):
    """Something that a repository does not hold."""

    kind = "no_such_entry"

    def __init__(self, repository: str, entry: str, there: Iterable[str]) -> None:
        guess = nearest(entry, there)
        other = (
            "name a node as NAME:TAG, a launch file by its name, or a path as 'repo list' has it"
        )
        super().__init__(
            f"repository '{repository}' holds no {quoted(entry)}",
            hint=other if guess is None else f"did you mean {quoted(guess)}?",
        )
