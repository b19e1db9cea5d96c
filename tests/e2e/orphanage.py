"""A node that leaves processes behind in every way there is, and a way to find them again."""

import json
import sys
from pathlib import Path

from tests.e2e.harness import Peppy

STORM = 500

PROGRAM = """
import asyncio, os, signal, subprocess, sys, time
sys.path.insert(0, ".peppy/libs/peppygen")
from peppygen import NodeBuilder

MARK = {mark!r}
STAY = "import time; time.sleep(1000)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + STAY
TWICE = "import os\\nif os.fork(): os._exit(0)\\nos.setsid()\\nif os.fork(): os._exit(0)\\n" + STAY
STORM = '''
import os, time
for n in range({storm}):
    if os.fork() == 0:
        if n % 3 == 1:
            os.setsid()
        if n % 3 == 2 and os.fork():
            os._exit(0)
        while True:
            time.sleep(1000)
'''

def leave(code, **options):
    return subprocess.Popen([sys.executable, "-IS", "-c", code, MARK], **options)

async def setup(params, node_runner):
    leave(STAY)
    leave(STAY, process_group=0)
    leave(STAY, start_new_session=True)
    leave(STAY, start_new_session=True, env={{}})
    leave(DEAF, start_new_session=True)
    leave(TWICE).wait()
    leave(STORM).wait()
    return [asyncio.create_task(crash_when_told())]

async def crash_when_told():
    while not os.path.exists({crashes!r}):
        await asyncio.sleep(0.1)
    os._exit(3)

NodeBuilder().run(setup)
"""

LEFT = STORM + 6


def make_leaver(peppy: Peppy) -> Path:
    """Write the node `leaver:v1`; return its directory."""
    directory = peppy.work / "leaver"
    directory.mkdir()
    run = json.dumps([sys.executable, "program.py"])
    (directory / "peppy.json5").write_text(f"""{{
        peppy_schema: "node_v1",
        manifest: {{ name: "leaver", tag: "v1" }},
        interfaces: {{}},
        execution: {{ language: "python", run_cmd: {run} }},
    }}""")
    text = PROGRAM.format(mark=mark(peppy), storm=STORM, crashes=str(crash_sign(peppy)))
    (directory / "program.py").write_text(text)
    return directory


def mark(peppy: Peppy) -> str:
    return f"left behind in {peppy.home}"


def crash_sign(peppy: Peppy) -> Path:
    """Return the file whose appearance makes the instance crash."""
    return peppy.work / "crash"


def left(peppy: Peppy) -> list[int]:
    """Return all that the node has left behind: they carry a mark in their command line."""
    wanted = mark(peppy).encode()
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if wanted in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
