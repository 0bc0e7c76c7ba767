"""Running programs so that none is ever left behind: the supervisor, running, leftovers, environments.

Knows nothing of sessions, roles or git: a caller names a program, a folder and an environment.
"""
