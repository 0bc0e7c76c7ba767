"""The process that serves a session: owns the log, runs the workflow, holds the agents, answers screens."""
