"""Servers that only live to be compared: on a Unix socket, in a folder, gone afterwards."""
