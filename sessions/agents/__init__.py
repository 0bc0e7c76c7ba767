"""What fills a role: models, command-line programs in a PTY, the person. Knows nothing of workflows."""
