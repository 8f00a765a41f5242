"""The configuration: one YAML file, checked against one schema."""

from mtasts_resolver.config.load import Changes, ConfigError, changes, load_config, parse_config
from mtasts_resolver.config.schema import (
    CacheConfig,
    Config,
    DnsConfig,
    HttpsConfig,
    ListenerConfig,
    LogConfig,
    MapOptions,
    RefreshConfig,
    StoreConfig,
    default_store_url,
    sqlite_path,
)

__all__ = [
    "CacheConfig",
    "Changes",
    "Config",
    "ConfigError",
    "DnsConfig",
    "HttpsConfig",
    "ListenerConfig",
    "LogConfig",
    "MapOptions",
    "RefreshConfig",
    "StoreConfig",
    "changes",
    "default_store_url",
    "load_config",
    "parse_config",
    "sqlite_path",
]
