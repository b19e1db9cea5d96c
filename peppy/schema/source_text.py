"""What is typed where a node or a variant is asked for: directories, addresses, names.

Source: behaviour.md 3, "On the command line"; seed 003, "Sharing nodes" and "Adding a variant".
Nothing here looks at the disk: the command line makes directories absolute, and one that exists is
a directory whatever it is called.
"""

import re
from typing import Final, NoReturn

from peppy.schema.addresses import (
    ARCHIVE_SCHEMES,
    ARCHIVE_SUFFIXES,
    GIT_SCHEMES,
    Url,
    archive_problem,
    inner_path,
    inner_problem,
    is_address,
    lacks_scheme,
    ref_problem,
    repository_problem,
    shown,
    split_url,
    without_credentials,
)
from peppy.schema.errors import PeppyError
from peppy.schema.names import NAME_RULE, Name, is_name, is_tag, parse_node_id
from peppy.schema.sources import (
    ArchiveSource,
    GitSource,
    LocalSource,
    NamedSource,
    Source,
    VariantChoice,
    VariantName,
)
from peppy.schema.wording import either, quoted

FORMS: Final = (
    "write a directory, 'https://HOST/REPOSITORY.git/DIRECTORY', "
    "'https://HOST/ARCHIVE.tar.zst' or NAME:TAG"
)
VARIANT_FORMS: Final = (
    "write a variant's name, a directory such as './mock', "
    "'https://HOST/REPOSITORY.git/DIRECTORY@REF' or 'https://HOST/ARCHIVE.tar.zst'"
)

_SCHEMES: Final = tuple(dict.fromkeys((*ARCHIVE_SCHEMES, *GIT_SCHEMES)))
_REPOSITORY_END: Final = re.compile(r"\.git(?=/|\Z)")
_END_BEFORE_REF: Final = re.compile(r"\.git(?=[/@]|\Z)")
_SHA256: Final = re.compile(r"sha256=([0-9A-Fa-f]{64})")
_OTHER_ARCHIVES: Final = (
    *(".7z", ".tar", ".tar.bz2", ".tar.gz", ".tar.xz"),
    *(".tbz2", ".tgz", ".txz", ".zip", ".zst"),
)
_PAGES: Final = ("tree", "blob", "src")
"""What stands between a repository and a ref in the addresses of pages that show it."""


class NotASource(PeppyError):
    """A text that names no place where a node could lie."""

    kind = "not_a_source"


def parse_source(text: str, ref: str | None = None) -> Source:
    """Return the source that a person means; a directory is taken as it is written.

    `ref` is the branch, tag or commit of a git repository. Raises `NotASource` with a hint for what
    means nothing, for an address that may not be used, and for a `ref` of anything but git.
    """
    _must_be_text(text, "a source", FORMS)
    if is_address(text):
        _must_be_visible(text, FORMS)
        return _source_elsewhere(text, ref)
    if "/" not in text:
        name, colon, tag = text.partition(":")
        if colon and is_name(name) and is_tag(tag):
            _must_have_no_ref(text, ref)
            node = parse_node_id(text)
            return NamedSource(node.name, node.tag)
    _must_have_its_scheme(text)
    _must_have_no_ref(text, ref)
    return LocalSource(text)


def parse_variant(text: str) -> VariantChoice:
    """Return the variant that a person means; a directory is taken as it is written.

    What follows the last `@` behind a repository is its branch, tag or commit. Raises `NotASource`.
    """
    _must_be_text(text, "a variant", VARIANT_FORMS)
    if is_address(text):
        _must_be_visible(text, VARIANT_FORMS)
        return _variant_elsewhere(text)
    if is_name(text):
        return VariantName(Name(text))
    if "/" not in text and text not in (".", ".."):
        raise NotASource(f"{quoted(text)} is not a variant: {NAME_RULE}", hint=VARIANT_FORMS)
    _must_have_its_scheme(text)
    return LocalSource(text)


def _source_elsewhere(text: str, ref: str | None) -> GitSource | ArchiveSource:
    url = split_url(text)
    if url is not None and _is_archive(url):
        _must_have_no_ref(text, ref)
        return _archive(text, url)
    halves = _split_repository(text, url, _REPOSITORY_END)
    if halves is None:
        _refuse(text, url, "with '--ref {}'", FORMS)
    return _git(text, *halves, ref)


def _variant_elsewhere(text: str) -> GitSource | ArchiveSource:
    url = split_url(text)
    if url is not None and _is_archive(url):
        return _archive(text, url)
    halves = _split_repository(text, url, _END_BEFORE_REF)
    if halves is None:
        _refuse(text, url, "with '@{}' after it", VARIANT_FORMS)
    repo, rest = halves
    inner, at, ref = rest.rpartition("@")
    return _git(text, repo, inner, ref) if at else _git(text, repo, rest, None)


def _is_archive(url: Url) -> bool:
    return url.scheme in ARCHIVE_SCHEMES and url.path.endswith(ARCHIVE_SUFFIXES)


def _archive(text: str, url: Url) -> ArchiveSource:
    address, _, fragment = text.partition("#")
    problem = archive_problem(address)
    if problem is not None:
        raise NotASource(problem, hint="write 'https://HOST/ARCHIVE.tar.zst'")
    digest = _SHA256.fullmatch(fragment)
    if fragment and digest is None:
        raise NotASource(
            f"{quoted('#' + fragment)} after an archive's address is not its SHA-256",
            hint="write '#sha256=' and 64 hexadecimal digits, or leave it out",
        )
    return ArchiveSource(_lower_scheme(address, url), digest[1].lower() if digest else "")


def _git(text: str, repo: str, inner: str, ref: str | None) -> GitSource:
    url = split_url(text)
    if url is not None and url.scheme != "file" and (url.query or url.fragment):
        raise NotASource(
            f"{shown(text)} is not the address of a git repository",
            hint="leave out what begins with '?' or '#'",
        )
    problem = repository_problem(repo) or inner_problem(inner.lstrip("/"))
    if problem is None and ref is not None:
        problem = ref_problem(ref)
    if problem is not None:
        raise NotASource(problem, hint="write 'https://HOST/REPOSITORY.git/DIRECTORY'")
    return GitSource(_lower_scheme(repo, url), inner_path(inner), ref or "")


def _split_repository(text: str, url: Url | None, end: re.Pattern[str]) -> tuple[str, str] | None:
    """Return a repository's address and what follows it, if it is plain where it ends."""
    if url is not None and url.scheme not in GIT_SCHEMES:
        return None
    before = text.find(":") + 1 if url is None else len(f"{url.scheme}://{url.authority}")
    found = end.search(text, before) if before else None
    return None if found is None else (text[: found.end()], text[found.end() :])


def _lower_scheme(text: str, url: Url | None) -> str:
    return text if url is None else url.scheme + text[len(url.scheme) :]


def _must_be_text(text: str, what: str, forms: str) -> None:
    if not text.strip():
        raise NotASource(f"an empty text is not {what}", hint=forms)
    if "\0" in text:
        raise NotASource(f"{quoted(text)} holds a NUL character", hint=forms)


def _must_be_visible(text: str, forms: str) -> None:
    if not text.isprintable():
        raise NotASource(f"{shown(text)} holds a character that cannot be seen", hint=forms)


def _must_have_no_ref(text: str, ref: str | None) -> None:
    if ref is None:
        return
    hint = "leave '--ref' out"
    if ".git" in text and not is_address(text):
        hint = "write the repository as 'file:///PATH/REPOSITORY.git', or leave '--ref' out"
    raise NotASource(f"only a git repository has a ref, {shown(text)} is none", hint=hint)


def _must_have_its_scheme(text: str) -> None:
    if lacks_scheme(text):
        raise NotASource(
            f"{shown(text)} looks like a repository's address without its beginning",
            hint=f"write 'https://{text}', or './{text}' for a directory",
        )


def _refuse(text: str, url: Url | None, with_ref: str, forms: str) -> NoReturn:
    """Raise the sentence for an address of which it is not plain what it is."""
    where = shown(text)
    if url is None:
        if not text.startswith("git@"):
            raise NotASource(f"{where} is not an address", hint=forms)
        raise NotASource(
            f"{where} does not say where the repository ends",
            hint="write 'git@HOST:PATH.git', and the directory in it after that",
        )
    if url.scheme not in _SCHEMES:
        plain = url.scheme.removeprefix("git+")
        hint = forms
        if plain in GIT_SCHEMES:
            hint = f"write '{plain}://' instead of '{url.scheme}://'"
        what = f"nodes are fetched over {either(_SCHEMES)}, not {quoted(url.scheme)}"
        raise NotASource(what, hint=hint)
    if url.scheme not in ARCHIVE_SCHEMES and url.path.endswith(ARCHIVE_SUFFIXES):
        raise NotASource(
            f"{where} is an archive, which is fetched over {either(ARCHIVE_SCHEMES)} only",
            hint="unpack it and name its directory",
        )
    if url.path.endswith(_OTHER_ARCHIVES):
        raise NotASource(
            f"{where} is an archive of another kind than peppy reads",
            hint=f"it must end in {either(ARCHIVE_SUFFIXES)}",
        )
    raise NotASource(f"{where} does not say where the repository ends", hint=_where(url, with_ref))


def _where(url: Url, with_ref: str) -> str:
    """Return a hint with the address that was probably meant."""
    if url.scheme == "file":
        return "name a directory without 'file://'; a repository's address ends in '.git'"
    parts = [part for part in url.path.split("/") if part]
    head, _, after = url.path.partition(".git@")
    if after:
        parts, ref = [part for part in f"{head}.git".split("/") if part], after
        inner: list[str] = []
    else:
        parts, (ref, inner) = parts[:2], _page(parts[2:])
    if not parts:
        return "a repository's address ends in '.git', and the directory in it follows that"
    repository = "/".join(parts).removesuffix(".git")
    meant = without_credentials(f"{url.scheme}://{url.authority}/{repository}.git")
    meant = "/".join((meant, *inner))
    tail = f" {with_ref.format(ref)}" if ref else ""
    return f"a repository's address ends in '.git': did you mean '{meant}'{tail}?"


def _page(parts: list[str]) -> tuple[str, list[str]]:
    """Return the ref and the directory of a page that shows a repository's content."""
    if parts[:1] == ["-"]:
        parts = parts[1:]
    if len(parts) < 2 or parts[0] not in _PAGES:
        return "", parts
    inner = parts[2:-1] if parts[0] == "blob" else parts[2:]
    return parts[1], inner
