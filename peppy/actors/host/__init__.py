"""The machine: everything through which the daemon touches it, behind ports.

`ports` says what there is. `real` puts the real ones together, `memory` the ones that tests use.

    real.real_host(home)          memory.memory_host(...)
      processes -> shim             memory_processes
      files -> disk, artifacts      memory_files
      sources -> git_source,        memory_sources
        archive_source
      journal -> journal_file       memory_journal

Each process runs under a *shim*, a small program of its own (`shim_main`) that writes the log and
ends the whole family at the end (`shim_family`). When the daemon dies, it ends the family too; or,
for a process with a record (`shim_record`), it waits for the daemon that adopts it (`adoption`).

What comes from elsewhere is hostile until it has been looked at. `git_cache` keeps repositories and
fetches one commit at a time with a git that runs nothing for them (`git_program`, `git_run`);
`git_tree` writes a directory of it, without a checkout. `downloads` fetches archives, a broken one
from where it stopped (`download_part`); they are read from the bytes up: `archive_stream`,
`archive_header`, `archive_names`, `archive_reader`, and written by `archive_contents`. Nothing is
written before all of it has been looked at.

`home` names the paths below the home directory, `lock` lets one daemon have it, `environment` makes
what a child process gets to see.
"""
