"""The door for node documents: bytes in, a whole value out, or every problem with its place.

Source: behaviour.md 2; seed 003, "Concepts" and "Variants".
"""

from functools import lru_cache
from typing import Final

from peppy.schema.document_kinds import DocumentKind, must_be_a
from peppy.schema.execution_reader import NO_EXECUTION, read_execution
from peppy.schema.fingerprint import document_sha256
from peppy.schema.interfaces_reader import read_interfaces
from peppy.schema.json5 import parse
from peppy.schema.manifest_reader import read_manifest
from peppy.schema.names import Tag
from peppy.schema.node import Execution, Interfaces, Manifest, NodeDocument, VariantDocument
from peppy.schema.reader import STAND_IN, Cursor, Fields, cursor_over
from peppy.schema.wording import quoted

NODE_SCHEMA: Final = "node_v1"
DEFAULT_VARIANT: Final = "default"
"""The variant that is taken when none is asked for."""

KEPT: Final = 64
"""Documents that need not be read again; one document is read several times on a node's way."""

_SIBLINGS: Final = {"launcher_v1": "a launcher", "interface_v1": "an interface"}
_RETIRED: Final = {
    "runtime": "write 'execution' with 'language', 'parameters', 'build_cmd' and 'run_cmd'",
    "process": "write 'execution' with 'language', 'parameters', 'build_cmd' and 'run_cmd'",
}
_HEAD: Final = ("peppy_schema", "schema_version")


@lru_cache(maxsize=KEPT)
def read_node_document(text: bytes, source: str) -> NodeDocument:
    """Return a root node's document, checked as far as one document can be.

    `source` is what messages call it, mostly its path. Raises `DocumentError`.
    """
    root = cursor_over(parse(text, source))
    must_be_a(DocumentKind.NODE, root, source)
    fields = root.fields(["manifest"], [*_HEAD, "interfaces", "execution"], _RETIRED)
    _check_schema(root, fields)
    manifest = fields.read("manifest", read_manifest, Manifest(STAND_IN, Tag("")))
    labels = [needed.local_id for needed in manifest.depends_on]
    document = NodeDocument(
        manifest,
        fields.read("interfaces", lambda given: read_interfaces(given, labels), Interfaces()),
        _root_execution(root, fields, manifest),
        document_sha256(text),
    )
    root.report.settle()
    return document


@lru_cache(maxsize=KEPT)
def read_variant_document(text: bytes, source: str) -> VariantDocument:
    """Return a variant's own document; its manifest, if it has one, does not count.

    `source` is what messages call it, mostly its path. Raises `DocumentError`.
    """
    root = cursor_over(parse(text, source))
    must_be_a(DocumentKind.NODE, root, source)
    optional = [*_HEAD, "manifest", "interfaces"]
    required = [] if _has_older_execution(root) else ["execution"]
    fields = root.fields(required, [*optional, "execution"], _RETIRED)
    _check_schema(root, fields)
    document = VariantDocument(
        fields.read("execution", read_execution, NO_EXECUTION),
        fields.read("interfaces", lambda given: read_interfaces(given, None), None),
        document_sha256(text),
        root.has("manifest"),
    )
    root.report.settle()
    return document


@lru_cache(maxsize=KEPT)
def is_variant_document(text: bytes, source: str) -> bool:
    """Say whether a document has an execution and no manifest, which a root above it supplies.

    Raises `DocumentError` for what is no JSON5.
    """
    root = cursor_over(parse(text, source))
    return root.has("execution") and not root.has("manifest")


def leaves_its_execution(text: bytes, source: str) -> bool:
    """Say whether a document has a manifest and no execution, which its variant supplies.

    Raises `DocumentError` for what is no JSON5.
    """
    root = cursor_over(parse(text, source))
    return root.has("manifest") and not root.has("execution")


def _root_execution(root: Cursor, fields: Fields, manifest: Manifest) -> Execution | None:
    has_default = any(variant.name == DEFAULT_VARIANT for variant in manifest.variants)
    given = fields.get("execution")
    if given is None:
        if root.is_object and not has_default and not _has_older_execution(root):
            root.problem("'execution' is missing, only a variant named 'default' may supply it")
        return None
    if has_default:
        given.key_problem(
            "the variant 'default' supplies the execution: leave it out here or rename the variant"
        )
    return read_execution(given)


def _has_older_execution(root: Cursor) -> bool:
    return any(root.has(key) for key in _RETIRED)


def _check_schema(root: Cursor, fields: Fields) -> None:
    newer, older = (fields.get(key) for key in _HEAD)
    if newer is not None and older is not None:
        older.key_problem("has both 'peppy_schema' and 'schema_version': write 'peppy_schema' only")
    if newer is not None:
        _check_name(newer)
    elif older is not None:
        older.integer(0, 65535)
    elif root.is_object:
        root.problem(f"'peppy_schema' is missing: write peppy_schema: \"{NODE_SCHEMA}\"")


def _check_name(schema: Cursor) -> None:
    if schema.value == NODE_SCHEMA:
        return
    siblings = ", ".join(f"{quoted(name)} of {what}" for name, what in _SIBLINGS.items())
    if isinstance(schema.value, str):
        schema.problem(
            f"{quoted(schema.value)} is not the schema of a node, which is {quoted(NODE_SCHEMA)} "
            f"(its siblings are {siblings})"
        )
    else:
        schema.must_be(quoted(NODE_SCHEMA))
