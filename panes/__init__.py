"""Widgets that show one thing of a session each. They know neither the app nor each other."""
