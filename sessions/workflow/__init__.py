"""Workflows: the graph, its readers, the step function and the runner, and the built-in ones as data files.

Knows nodes, edges, outcomes and tools. Knows no role by name, and not how an agent works.
"""
