"""Command lines that make no sense, as short sentences."""

from collections.abc import Sequence
from typing import Final

from cyclopts.exceptions import (
    CycloptsError,
    MissingArgumentError,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)

from peppy.schema.errors import PeppyError
from peppy.schema.wording import nearest


class Usage(PeppyError):
    """A command line that cannot be carried out as it is written."""

    kind = "usage"


def usage_of(error: CycloptsError) -> Usage:
    """Return the parser's complaint as a sentence of ours, with the next step as its hint."""
    command = " ".join(("peppy", *(error.command_chain or ())))
    help_line = f"'{command} --help' shows what there is"
    match error:
        case UnknownCommandError():
            word = _first(error.unused_tokens)
            return Usage(f"there is no command '{word}'", hint=_suggestion(error) or help_line)
        case UnusedCliTokensError():
            word = _first(error.unused_tokens)
            return Usage(f"'{command}' has no use for '{word}'", hint=help_line)
        case MissingArgumentError() if error.argument is not None and error.keyword is None:
            name = error.argument.name.lstrip("-").upper()
            return Usage(f"'{command}' needs {name}", hint=help_line)
        case UnknownOptionError():
            word = error.token.keyword or error.token.value
            return Usage(f"unknown option: {word}", hint=_option_meant(error, word) or help_line)
        case _:
            first, rest = _sentences(error)
            return Usage(first, hint=rest or help_line)


def _option_meant(error: UnknownOptionError, word: str) -> str | None:
    """Return a guess that goes by an option's letters: its dashes make any two look alike."""
    names = [name for each in error.argument_collection for name in each.names]
    guess = nearest(word.lstrip("-"), [name.lstrip("-") for name in names if len(name) > 2])
    return None if guess is None else f"did you mean --{guess}?"


_END_OF_SENTENCE: Final = ". "


def _suggestion(error: CycloptsError) -> str | None:
    """Return the parser's guess at what was meant, without its list of everything else."""
    guess, mark, _ = _sentences(error)[1].partition("?")
    return guess + mark if mark else None


def _sentences(error: CycloptsError) -> tuple[str, str]:
    """Split the parser's text into its first sentence and the rest, in the form of ours."""
    error.verbose = False
    text = " ".join(str(error).split()).replace('"', "'")
    first, _, rest = text.partition(_END_OF_SENTENCE)
    return _lower_start(first), _lower_start(rest)


def _lower_start(text: str) -> str:
    text = text.removesuffix(".")
    return text[:1].lower() + text[1:]


def _first(tokens: Sequence[str] | None) -> str:
    return tokens[0] if tokens else ""
