"""The texts that Prometheus and Alertmanager read: pure functions from what is watched to configuration and rules."""

from components.prometheus.alertmanager import Mail, Notify, alertmanager_config
from components.prometheus.config import Scrape, Timing, prometheus_config
from components.prometheus.rules import RULES, Limits, Rule, Watched, rules_file

__all__ = [
    "RULES",
    "Limits",
    "Mail",
    "Notify",
    "Rule",
    "Scrape",
    "Timing",
    "Watched",
    "alertmanager_config",
    "prometheus_config",
    "rules_file",
]
