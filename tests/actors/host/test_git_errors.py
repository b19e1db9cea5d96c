"""What git, ssh and servers complain of, and what a person reads."""

import pytest

from peppy.actors.host.git_address import repository
from peppy.actors.host.git_errors import (
    LONGEST_REASON,
    Damaged,
    GitError,
    NoRoom,
    NotShallow,
    Unreachable,
    Unserved,
    meaning,
)
from peppy.schema.sources import GitSource

WEB = repository(GitSource("https://me:secret@host/x.git", "", ""))
SSH = repository(GitSource("git@host:x.git", "", ""))


@pytest.mark.parametrize(
    ("said", "kind", "sentence"),
    [
        (
            "fatal: unable to access 'https://host/x.git/': Could not resolve host: host",
            Unreachable,
            "the host of 'https://host/x.git' cannot be found",
        ),
        (
            "fatal: could not read Username for 'https://host': terminal prompts disabled",
            Unreachable,
            "'https://host/x.git' may not be read without signing in",
        ),
        (
            "remote: Repository not found.\nfatal: repository 'https://host/x.git/' not found",
            Unreachable,
            "there is no git repository at 'https://host/x.git'",
        ),
        (
            "fatal: unable to access 'https://me:secret@host/x.git/': Failed to connect to host "
            "port 443 after 3 ms: Connection refused",
            Unreachable,
            "cannot reach 'https://host/x.git': failed to connect to host port 443 after 3 ms: "
            "Connection refused",
        ),
        (
            "fatal: unable to access 'https://host/x.git/': server certificate verification "
            "failed. CAfile: none CRLfile: none",
            Unreachable,
            "the host of 'https://host/x.git' does not prove who it is: server certificate "
            "verification failed. CAfile: none CRLfile: none",
        ),
        (
            "fatal: dumb http transport does not support shallow capabilities",
            NotShallow,
            "the server of 'https://host/x.git' gives no single commits",
        ),
        (
            "error: Server does not allow request for unadvertised object 1234",
            Unserved,
            "'https://host/x.git' does not give what was asked for",
        ),
        (
            "error: object 1234: hasDotgit: contains '.git'\nfatal: fsck error in pack objects\n"
            "fatal: the remote end hung up unexpectedly",
            GitError,
            "'https://host/x.git' holds what no repository should: object 1234: hasDotgit: "
            "contains '.git'",
        ),
        (
            "fatal: write error: No space left on device\nfatal: index-pack failed",
            NoRoom,
            "there is no room on the disk to fetch 'https://host/x.git'",
        ),
        (
            "fatal: something new",
            Damaged,
            "git cannot fetch 'https://host/x.git': something new",
        ),
    ],
)
def test_a_complaint_becomes_a_sentence(said: str, kind: type[GitError], sentence: str) -> None:
    error = meaning(WEB, said.splitlines(), 128)
    assert (type(error), error.sentence) == (kind, sentence)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            "git@host: Permission denied (publickey).\nfatal: Could not read from the remote",
            "'git@host:x.git' may not be read without signing in",
        ),
        (
            "Host key verification failed.\nfatal: Could not read from remote repository.",
            "the host of 'git@host:x.git' is not known to ssh, or has another key than it had",
        ),
        (
            "ssh: Could not resolve hostname host: Name or service not known",
            "the host of 'git@host:x.git' cannot be found",
        ),
        (
            "ssh: connect to host host port 22: Connection timed out",
            "cannot reach 'git@host:x.git': connect to host host port 22: Connection timed out",
        ),
        (
            "ERROR: Repository not found.\nfatal: Could not read from remote repository.",
            "there is no git repository at 'git@host:x.git'",
        ),
    ],
)  # fmt: skip
def test_a_complaint_of_ssh_becomes_a_sentence(said: str, sentence: str) -> None:
    assert meaning(SSH, said.splitlines(), 128).sentence == sentence


def test_the_next_step_fits_how_one_signs_in() -> None:
    denied = ["fatal: Authentication failed for 'x'"]
    assert "credential helper" in str(meaning(WEB, denied, 128))
    assert "ssh-add" in str(meaning(SSH, denied, 128))


def test_what_a_server_says_is_short_and_harmless_on_a_terminal() -> None:
    said = "remote: \x1b[31m\u202e" + "x" * 5000 + " https://a:secret@b/c"
    error = meaning(WEB, [said], 1)
    assert error.sentence.isprintable()
    assert "secret" not in error.sentence
    assert len(error.sentence) < LONGEST_REASON + 100
    assert meaning(WEB, [], -9).sentence.endswith("it ended with code -9")
