"""A configuration file that shows all keys."""

EXAMPLE = """\
# /etc/mtasts-resolver/config.yaml
#
# Every key may be left out; the daemon runs without any file. Where a
# value below is not the default, its comment says so. A changed file is
# checked by `mtasts-resolver config check FILE`.

listen:                                      # more than the default
  - protocol: socketmap                      # this one alone is the default
    address: "inet:127.0.0.1:8461"
  - protocol: tcp_table                      # for what cannot speak socketmap
    address: "inet:127.0.0.1:8462"
  - protocol: socketmap                      # for an smtp(8) that is chrooted to its queue
    address: "unix:/var/spool/postfix/mtasts/socketmap"
    mode: "0660"
    group: postfix

maps:                                        # main.cf: socketmap:inet:127.0.0.1:8461:NAME
  default:                                   # also holds for every name that is not listed
    tlsrpt: false
    sni: true
    testing: observe
    dane: true                               # or only, for a main.cf at encrypt or stricter
  tlsrpt:                                    # built in: as default, with TLSRPT attributes
    tlsrpt: true
  strict:                                    # a map of one's own: as default but for what it says
    testing: enforce
    answer: null                             # or live, or observe; null: as the next key says

answer: live                                 # or observe: "not found" to everything, but counted

overrides:                                   # none is the default
  partner.example:
    action: skip                             # or encrypt, dane, dane-only, live
    reason: "their certificate expired, ticket 4711"
    until: 2026-12-31
  "[relay.example]:587":
    policy: "secure match=relay.example ciphers=high"
    reason: "our smart host has no policy of its own"

tcp_table_map: default

dns:
  servers: []                                # or up to three, such as ["127.0.0.1", "[::1]:5353"]
  timeout: 5s
  dnssec: auto

https:
  timeout: 10s
  ca_file: null                              # or a PEM file; null: the system's authorities
  proxy: null                                # or "http://proxy.example.com:3128"
  allow_networks: []                         # or networks of one's own, such as ["10.0.0.0/8"]

lookup_timeout: 20s
on_dns_failure: opportunistic

store:                                       # unset: the directory that systemd provides
  url: "sqlite:///var/lib/mtasts-resolver/policies.sqlite"

cache:
  memory_entries: 200000
  memory_megabytes: 400

refresh:
  interval: 1d
  forget_after: 90d
  concurrency: 32

preload: []                                  # or domains such as ["partner.example.com"]

own_domains:                                 # none is the default
  - example.com                              # checked every 6 hours
  - domain: example.org
    interval: 12h
    smtp: false                              # where port 25 cannot be connected to

notify: []                                   # or ["/usr/local/bin/tell", "{summary}"]

control:                                     # for the commands
  socket: null                               # the directory that systemd provides
  group: null                                # or one whose members may steer the daemon

http:                                        # metrics, health and the status page
  address: "127.0.0.1:8463"                  # or "": off
  hosts: []                                  # or names of the page behind a proxy

log:
  level: info
  format: text
  answers: none                              # or changes; or all, a line for each look-up

user: null                                   # not needed under systemd
"""
