"""The toolbox of model agents: list, read, search, write, edit and run inside one clone, and nowhere else.

Programs that `run` starts are not confined; the tools that name a path are.
"""
