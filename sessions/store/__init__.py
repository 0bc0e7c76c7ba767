"""The event log, the artefacts, and where a session lives on disk: rows in, rows out.

Knows nothing of what events mean. `log` writes the log and `reading` reads it; `salvage` saves what is whole of
a damaged one; `artefacts` keeps big texts by their digest; `roots` and `folders` say where things live; `lock`
keeps a session to one host.
"""
