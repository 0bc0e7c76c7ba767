"""Terminals without a screen: the emulator, programs in PTYs, and recordings of what they wrote.

Wall: `ghostty` alone speaks to the emulation library; everyone else speaks to `emulator`. Nothing here knows
    what an
agent is, what a pane looks like or how a session is stored.
"""
