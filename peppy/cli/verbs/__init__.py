"""One verb, one module, one plain function. Its docstring is the help that `--help` shows."""
