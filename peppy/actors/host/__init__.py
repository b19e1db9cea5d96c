"""The machine: everything through which the daemon touches it, behind ports.

`ports` says what there is. `real` puts the real ones together, `memory` the ones that tests use.

    real.real_host(home)          memory.memory_host(...)
      processes -> shim             memory_processes
      files -> disk, artifacts      memory_files
      sources                       memory_sources
      journal -> journal_file       memory_journal

Each process runs under a *shim*, a small program of its own (`shim_main`) that writes the log and
ends the whole family at the end (`shim_family`). When the daemon dies, it ends the family too; or,
for a process with a record (`shim_record`), it waits for the daemon that adopts it (`adoption`).

`home` names the paths below the home directory, `lock` lets one daemon have it, `environment` makes
what a child process gets to see.
"""
