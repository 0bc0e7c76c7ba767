"""Everything that is true of a session without a screen. Imports neither Textual nor the packages that draw."""
