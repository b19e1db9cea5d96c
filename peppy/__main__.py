"""`python -m peppy` is `peppy`."""

import sys

from peppy.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
