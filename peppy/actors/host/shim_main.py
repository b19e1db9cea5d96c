"""The script that the daemon starts for each process: `python -I -S shim_main.py <control>`.

Isolated from the user's environment, the interpreter knows its standard library only. The shim's
other modules are found through this file's own place; the standard library stays before them.
"""

import os
import sys

sys.path.append(os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3)))

from peppy.actors.host.shim import main

if __name__ == "__main__":
    main()
