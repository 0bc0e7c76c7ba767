"""The fleet, the model host and its client, and the rehearsal models. Knows nothing of roles."""
