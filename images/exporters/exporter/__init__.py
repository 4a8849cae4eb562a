"""Slipway's own exporters: what containers use, and what the gateway answers. The standard library alone."""
