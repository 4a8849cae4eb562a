"""nginx with certificates of Let's Encrypt, obtained through it and renewed."""

from components import Certificates, CertificatesArgs, Gateway, GatewayArgs, GatewayRoute, Network, Server
from components.certificates import SERIAL, certificate_of
from components.nginx import Tls

HOSTS = ["app.example.org", "api.example.org"]
edge = Network("edge")
authority = "https://acme-v02.api.letsencrypt.org/directory"
asked = CertificatesArgs(image="certbot/certbot:v5.7.0", hosts=HOSTS, email="ops@example.org", directory=authority)
certificates = Certificates("certificates", asked)
gateway = Gateway(
    "gateway",
    GatewayArgs(
        image="nginxinc/nginx-unprivileged:1.27-alpine",
        routes=[GatewayRoute(upstream="api")],
        upstreams={"api": ["api:8000"]},
        networks=[edge.attach("gateway")],
        server=Server(acme=True, hosts=HOSTS, tls=Tls(certificates=[certificate_of(host) for host in HOSTS])),
        volumes=[certificates.mount],
        watch=SERIAL,
        needs=[certificates.ready],
    ),
)
certificates.obtain("gateway", [edge.attach()], gateway.reloaded)
