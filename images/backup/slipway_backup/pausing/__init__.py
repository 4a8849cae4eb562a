"""Holding the services that write a volume while it is archived: who may do that, and how it is asked for.

The only code here that ever meets Docker's socket. It runs in a container of its own, the pauser, and stands on the
standard library alone; the container that makes backups has the client (:mod:`.client`) and no socket.
"""
