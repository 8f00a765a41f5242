"""What a web server must do to serve a policy file (RFC 8461 §3.3), in the words of three.

Each serves that one file over TLS 1.2 or later, as text/plain, uncompressed, and without a redirect
to anywhere. Senders do not cache what HTTP says (RFC 8461 §3.3); `no-cache` is for what may stand
before the web server: a sender that got the old policy with the new id would keep it.
"""

import re
from collections.abc import Callable, Mapping

from msgspec import Struct

from mtasts_resolver.base.quoting import quote
from mtasts_resolver.published.publication.policyfile import WELL_KNOWN, PublicationError

# What needs quotes in no configuration, and means nothing special in any of the three.
_PATH = re.compile(r"/[A-Za-z0-9/._+-]*[A-Za-z0-9]\Z")


class PolicySite(Struct, frozen=True, kw_only=True):
    """Where a web server finds what it serves for one domain."""

    domain: str
    root: str
    """The directory that holds the well-known one."""
    certificate: str
    """A PEM file: the certificate for `name`, and then those of its chain."""
    key: str

    def __post_init__(self) -> None:
        for path in (self.root, self.certificate, self.key):
            if not _PATH.match(path) or ".." in path.split("/"):
                raise PublicationError(
                    f"{quote(path)} is no absolute path of letters, digits and any of / . _ + -,"
                    " which every web server reads alike"
                )

    @property
    def name(self) -> str:
        """The policy host."""
        return f"mta-sts.{self.domain}"

    @property
    def file(self) -> str:
        return f"{self.root}/{WELL_KNOWN}"

    @property
    def url(self) -> str:
        return f"https://{self.name}/{WELL_KNOWN}"


def nginx(site: PolicySite) -> str:
    """Return what nginx reads within `http { }`."""
    return f"""\
# The MTA-STS policy of {site.domain}. Another file in sites-enabled or conf.d.
server {{
    listen 443 ssl;
    listen [::]:443 ssl;
    server_name {site.name};

    ssl_certificate     {site.certificate};
    ssl_certificate_key {site.key};
    ssl_protocols       TLSv1.2 TLSv1.3;

    location = /{WELL_KNOWN} {{
        root         {site.root};
        types        {{ }}
        default_type text/plain;
        gzip         off;
        add_header   Cache-Control no-cache;
    }}
    location / {{
        return 404;
    }}
}}
"""


def apache(site: PolicySite) -> str:
    """Return a virtual host of Apache 2.4."""
    return f"""\
# The MTA-STS policy of {site.domain}. It needs: a2enmod ssl headers
<VirtualHost *:443>
    ServerName {site.name}
    DocumentRoot {site.root}

    SSLEngine on
    SSLProtocol -all +TLSv1.2 +TLSv1.3
    SSLCertificateFile {site.certificate}
    SSLCertificateKeyFile {site.key}

    <Directory {site.root}>
        AllowOverride None
        Require all denied
    </Directory>
    <Location "/{WELL_KNOWN}">
        Require all granted
        ForceType text/plain
        SetEnv no-gzip 1
        Header always set Cache-Control no-cache
    </Location>
</VirtualHost>
"""


def caddy(site: PolicySite) -> str:
    """Return a site of Caddy 2, which could also have the certificate itself: without `tls`."""
    return f"""\
# The MTA-STS policy of {site.domain}. Caddy gets a certificate by itself: the line `tls`, which
# names one that is there, may go.
{site.name} {{
\ttls {site.certificate} {site.key}
\thandle /{WELL_KNOWN} {{
\t\troot * {site.root}
\t\theader Content-Type text/plain
\t\theader Cache-Control no-cache
\t\tfile_server
\t}}
\thandle {{
\t\trespond 404
\t}}
}}
"""


WEB_SERVERS: Mapping[str, Callable[[PolicySite], str]] = {
    "nginx": nginx,
    "apache": apache,
    "caddy": caddy,
}
"""The web servers that a fragment can be written for."""

FRAGMENT_FILES: Mapping[str, str] = {
    "nginx": "nginx.conf",
    "apache": "apache.conf",
    "caddy": "Caddyfile",
}
"""What the file with the fragment for each is called."""
