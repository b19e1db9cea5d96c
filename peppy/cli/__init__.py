"""The face: read arguments, ask the daemon, draw the answer.

- `app`: the entry. It answers `--version` by itself, so that nothing else is imported for it.
- `run`: one command line from its first word to its exit code, whatever goes wrong on the way.
- `commands`: which verbs there are. A verb's module is imported when the verb is asked for.
- `verbs`: one verb, one module, one plain function: one request, one drawing.
- `drawing`: pure functions from a view to text.
- `wire`: what the verbs about topics, services and actions share; it speaks to the nodes itself.
- `asking`: how a verb asks the daemon, and starts one (`starting`) where none answers.
- `launching`: a launch and what is shown of it (`launch_board`, `launch_screen`); Ctrl+C cancels it
  (`launch_cancelling`).
- `stopping`: how long a stop may take, and that of the daemon itself.
- `service_units`: the daemon as a service of systemd or launchd; pure texts, their files, and what
  their managers are told.
- `terminal`: where text goes. Results to stdout, everything else to stderr; colours and a spinner
  only where a person looks.

Exit codes: 0, 1 for a failure, 2 for a command line that makes no sense, 130 after Ctrl+C.
"""
