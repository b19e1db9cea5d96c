"""The nouns of peppy, as values: documents, messages, names, formats. Pure: no files, no network.

A text becomes a value once, at the edge (`node_reader`, `format_reader`, `parameters`); afterwards
a name is a `NodeId`, a document is whole, and nothing is checked twice. What cannot be read raises
`DocumentError` with every problem and its place.

The modules that import `json5` (`peppy.schema.json5` and the readers above it) are the only ones
that a node's own environment cannot import: bindings carry what the reader found.
"""
