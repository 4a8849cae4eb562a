"""A network without a way out, and one container on it."""

from components import Network, NetworkArgs, Service, ServiceArgs

backend = Network("backend", NetworkArgs(internal=True))
Service("api", ServiceArgs(image="example/api:1.4", networks=[backend.attach("api", "api-v1")]))
