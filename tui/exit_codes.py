"""The exit codes of every command, documented in the README."""

PASSED = 0
"""The session passed, or the command did what it was asked."""
UNEXPECTED = 1
"""A fault of Quarterdeck itself."""
USAGE = 2
"""The command line is wrong."""
NEEDS_YOU = 3
"""The session waits for a person's answer."""
FAILED = 4
"""The session ended without passing."""
UNUSABLE = 5
"""The project, the configuration or the machine cannot be used as it is; the message says what to do."""
HOST_LOST = 6
"""The session's host ended unexpectedly; the session can be taken up again."""
INTERRUPTED = 130
"""Stopped by Ctrl-C; the session can be taken up again."""
