"""Slipway's sample application: an API, workers and a websocket fan-out over PostgreSQL and Redis.

It is what a first `make up` shows, and what the release, fault and load tests drive; so it keeps the promises that a
real platform's programs must keep: a job that was accepted is done, once, whatever dies on the way; a stop signal loses
nothing; secrets come from files and reach no log.
"""
