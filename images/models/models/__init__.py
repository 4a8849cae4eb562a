"""Keeps the models of a model server: fetches what is missing, keeps some in memory, and tells of it."""
