"""The configuration: one YAML file, checked against one schema."""

from mtasts_resolver.config.encoding import decode_value, encode_value, plain
from mtasts_resolver.config.endpoints import (
    MAX_SERVERS,
    Address,
    HttpAddress,
    InetAddress,
    IPNetwork,
    NameServer,
    ProxyUrl,
    UnixAddress,
    parse_address,
    parse_http_address,
    parse_ip,
    parse_proxy_url,
    parse_server,
)
from mtasts_resolver.config.faults import ConfigError, Fault
from mtasts_resolver.config.keys import takes_value, value_range
from mtasts_resolver.config.kinds import (
    parse_duration,
    parse_end_time,
    parse_map_name,
    show_duration,
)
from mtasts_resolver.config.load import (
    Loaded,
    changes,
    load_file,
    log_settings,
    parse_config,
    parse_kept,
    read_file,
)
from mtasts_resolver.config.paths import (
    StoreUrl,
    default_control_socket,
    default_store,
    state_directory,
)
from mtasts_resolver.config.schema import DEFAULT_ADDRESS, Config
from mtasts_resolver.config.sections.administration import (
    ControlConfig,
    HttpConfig,
    LogConfig,
    LoggedAnswers,
)
from mtasts_resolver.config.sections.discovery import DnsConfig, DnssecTrust, HttpsConfig
from mtasts_resolver.config.sections.listeners import ListenerConfig, ProtocolName
from mtasts_resolver.config.sections.maps import MapOptions
from mtasts_resolver.config.sections.overrides import OverrideOptions
from mtasts_resolver.config.sections.owndomains import OwnDomainConfig
from mtasts_resolver.config.sections.policies import CacheConfig, RefreshConfig, StoreConfig
from mtasts_resolver.config.yamlfile import MAX_FILE_BYTES, Raw, join, parse_yaml

__all__ = [
    "DEFAULT_ADDRESS",
    "MAX_FILE_BYTES",
    "MAX_SERVERS",
    "Address",
    "CacheConfig",
    "Config",
    "ConfigError",
    "ControlConfig",
    "DnsConfig",
    "DnssecTrust",
    "Fault",
    "HttpAddress",
    "HttpConfig",
    "HttpsConfig",
    "IPNetwork",
    "InetAddress",
    "ListenerConfig",
    "Loaded",
    "LogConfig",
    "LoggedAnswers",
    "MapOptions",
    "NameServer",
    "OverrideOptions",
    "OwnDomainConfig",
    "ProtocolName",
    "ProxyUrl",
    "Raw",
    "RefreshConfig",
    "StoreConfig",
    "StoreUrl",
    "UnixAddress",
    "changes",
    "decode_value",
    "default_control_socket",
    "default_store",
    "encode_value",
    "join",
    "load_file",
    "log_settings",
    "parse_address",
    "parse_config",
    "parse_duration",
    "parse_end_time",
    "parse_http_address",
    "parse_ip",
    "parse_kept",
    "parse_map_name",
    "parse_proxy_url",
    "parse_server",
    "parse_yaml",
    "plain",
    "read_file",
    "show_duration",
    "state_directory",
    "takes_value",
    "value_range",
]
