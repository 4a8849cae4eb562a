"""nginx in front of a service: a release of the service drops no request."""

from components import Gateway, GatewayArgs, GatewayRoute, Network, PublishedPort, Service, ServiceArgs

edge = Network("edge")
api = Service("api", ServiceArgs(image="example/api:1.4", port=8000, replicas=2, networks=[edge.attach("api")]))
Gateway(
    "gateway",
    GatewayArgs(
        image="nginxinc/nginx-unprivileged:1.27-alpine",
        routes=[GatewayRoute(upstream="api"), GatewayRoute(upstream="api", path="/ws", websocket=True, timeout_s=3600)],
        upstreams={"api": api.container_names.apply(lambda names: [f"{name}:8000" for name in names])},
        networks=[edge.attach("gateway")],
        publish=[PublishedPort(port=8080, host_port=8080)],
        needs=api.containers,
    ),
)
