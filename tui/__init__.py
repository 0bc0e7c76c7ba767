"""The Textual app: screens, keys, palette, and the command line entry."""
