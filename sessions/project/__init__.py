"""The project as the host sees it: its git repository, the session's clone, what changed, and what the tests say.

Knows nothing of agents. Nothing here changes the person's checkout, index or branches.
"""
