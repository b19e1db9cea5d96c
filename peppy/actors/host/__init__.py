"""The machine: everything through which the daemon touches it, behind ports.

`ports` says what there is. `real` puts the real ones together, `memory` the ones that tests use.

    real.real_host(home)          memory.memory_host(...)
      processes -> shim             memory_processes
      files -> disk, artifacts      memory_files
      sources                       memory_sources

Each process runs under a *shim*, a small program of its own that writes the log, ends the whole
family at the end, and does so too when the daemon dies. `home` names the paths below the home
directory, `lock` lets one daemon have it, `environment` makes what a child process gets to see.
"""
