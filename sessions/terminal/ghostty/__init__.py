"""The emulation library, libghostty-vt, by its raw C interface. Only `sessions.terminal.emulator` imports
this room.

The interface is young and changes; the version is pinned, and `library` refuses a cell layout that it does
not know.
"""
