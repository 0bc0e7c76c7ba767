"""The transition tools: one schema each, offered as function tools and as a shell command, behind one door."""
