"""The way to attach to a session: what a screen receives and what it can send. Knows no widgets."""
