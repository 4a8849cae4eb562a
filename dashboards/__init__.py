"""Makes Grafana's dashboards, which are checked in where the components find them: ``python -m dashboards``."""
