"""What the end-to-end scenarios stand on: a project in a temporary folder, an engine to drive, a Docker to look at.

Checks look at the state of the world (Docker's containers, the checkpoint, answers through the gateway), hardly ever at
what a command prints; nothing here sleeps for a fixed time where a condition can be waited for.
"""
