"""Languages that nodes are written in, and that there are no bindings for."""

from peppy.schema.errors import PeppyError
from peppy.schema.node import Language, NodeDocument
from peppy.schema.wording import quoted


class NotPython(PeppyError):
    """A node in a language that there are no bindings for."""

    kind = "not_python"

    def __init__(self, document: NodeDocument, language: Language) -> None:
        manifest = document.manifest
        if manifest.variants:
            named = ", ".join(quoted(each.name) for each in manifest.variants)
            hint = f"choose a variant of it that is in Python; it has {named}"
        else:
            hint = f"a node in Python with the same interfaces can be '{manifest.id}'"
        super().__init__(
            f"`{manifest.id}` is written in {quoted(language.value)}, and bindings are generated"
            " for 'python' only",
            hint=hint,
        )


def check_language(document: NodeDocument) -> None:
    """Raise `NotPython` for a node that cannot have bindings."""
    execution = document.execution
    if execution is not None and execution.language is not Language.PYTHON:
        raise NotPython(document, execution.language)
