"""A full-screen terminal program that behaves like a coding agent but is a script: no AI, no network.

It plays the Worker of the rehearsal in a real terminal and shows everything that a host has to cope with: the alternate
screen, bracketed paste, an interrupt key, a permission question, a title, OSC 7501, children of its own. Started by
`python -P -m sessions.agents.rehearsal_agent`, so that a project's own folder called `sessions` does not hide this one.
"""
