"""Source texts from nouns: a node's bindings, and the files of a fresh node.

Both are functions from values to a dict of texts by relative path; whoever asks writes them.

- `bindings`: `generate`, the whole project `.peppy/libs/peppygen` of one node.
- `templates`: `node_template`, what `peppy node init` lays down.
- `topics`, `parameters`, `dataclasses_text`: the modules of `peppygen`, one kind each.
- `testing`: `peppygen.testing`, with which the node's tests play everybody that it talks to.
- `project`: what makes a package of them, and the copies of the runtime that they need.
- `build_backend`: copied into each project, it builds the package without any network.
- `python_text`, `errors`: what the others share.

The output is what `ruff format` would leave alone, and clean under pyright's strict rules.
Generated names of classes and aliases begin with a capital, or with `_` and one; fields never do,
because `peppy.schema.identifiers` makes them lower case. So no field hides what its module uses.
"""
