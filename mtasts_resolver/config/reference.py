"""The reference page, made from the schema: `python -m mtasts_resolver.config.reference`."""

from collections.abc import Iterator

import click

from mtasts_resolver.config.encoding import plain
from mtasts_resolver.config.example import EXAMPLE
from mtasts_resolver.config.keys import Key, section_keys
from mtasts_resolver.config.kinds import Kind, show_duration
from mtasts_resolver.config.schema import Config

_INTRODUCTION = """\
<!-- Made by `python -m mtasts_resolver.config.reference`: change the schema, not this page. -->

# Configuration

The daemon reads one YAML file, `/etc/mtasts-resolver/config.yaml` unless `--config` names another,
and runs without any: every key has a default, and an empty file means the defaults.

`mtasts-resolver config check FILE` tells whether a file is valid. It lists everything that is
wrong, each with the file, the line, the path of the key, the value, and what would be valid:

    config.yaml:8: $.maps.strict.sni: 'of' is not true or false
    config.yaml:9: $.dns: unknown key 'sever'; did you mean 'servers'? ...

What a file names is looked at, too: users and groups, files, addresses. What may pass without a
change of it, such as an address that another program has, is a warning.

With `--json` each of `errors` and `warnings` has `file`, `line`, `key` and `reason`.

The daemon does not start with a file that is not valid (exit code 2); under systemd it starts with
[the last one that was](operations.md#when-the-configuration-is-faulty).

## Reloading

At SIGHUP (`systemctl reload mtasts-resolver`) the file is read again. The keys marked *reload: yes*
take effect at once, and no look-up is lost. For the others the old values stay in force until the
next start, and the log names them. A file that is not valid changes nothing.

## How values are written

- A duration is a number with a unit, `s`, `m`, `h` or `d`, or a plain number of seconds.
- `true`, `yes` and `on` mean the same, and so do `false`, `no` and `off`.
- An octal mode may stand with or without quotes.
- A unique spelling is asked for: an unknown key, or a key that stands twice, is an error. Anchors,
  aliases and tags of YAML are not supported. The file may have 64 KiB.

## Maps

Postfix names a map in main.cf: `socketmap:inet:127.0.0.1:8461:NAME`. The built-in maps make the
daemon fit where another plug-in was. Case does not count in the name of a map:

| map | is |
|---|---|
| `default` | what it is configured to be; it also answers, with a warning, for unknown names |
| `QUERY`, `postfix` | as `default` |
| `tlsrpt` | as `default`, with `tlsrpt: true` |
| `QUERYwithTLSRPT` | as `tlsrpt` |

A map that is listed under `maps` has the options that it sets. The options that it does not set
are those of the built-in map of that name, and for other names those of `default`. So with

    maps:
      default: {testing: enforce}
      tlsrpt: {sni: false}
      partners: {dane: false}

`tlsrpt` has `tlsrpt: true`, `testing: enforce` and `sni: false`, and `partners` has
`testing: enforce` and `dane: false`.
"""


def reference() -> str:
    """Return the reference page, in Markdown."""
    parts = [_INTRODUCTION, "\n## Keys\n"]
    for name, key in section_keys(Config).items():
        parts += _describe(name, key)
    parts.append("\n## Example\n\nAll keys. The file is accepted as it stands.\n\n```yaml\n")
    parts += [EXAMPLE, "```\n"]
    return "".join(parts)


def _describe(name: str, key: Key) -> Iterator[str]:
    """Yield one key at the top, and a table of the keys below it."""
    yield f"\n### `{name}`\n\n{key.description}\n\n"
    one_section = not (isinstance(key.of, Kind) or key.named or key.most)
    if not one_section:
        yield f"- type: {_type(key)}\n"
        yield f"- default: {_default(key)}\n"
    yield f"- reload: {'yes' if key.reload else 'no, at the next start'}\n"
    if not isinstance(key.of, Kind):
        yield "\n| key | type | default | meaning |\n|---|---|---|---|\n"
        for inner, below in section_keys(key.of).items():
            yield f"| `{inner}` | {_type(below)} | {_default(below)} | {below.description} |\n"


def _type(key: Key) -> str:
    if key.named is not None:
        most = "" if key.most is None else f"at most {key.most:,} "
        return f"mapping of {most}{key.named.name}s to mappings with the keys below"
    if not isinstance(key.of, Kind) and key.bare:
        return f"list of at most {key.most}, each: a {key.bare}, or a mapping with the keys below"
    if not isinstance(key.of, Kind):
        return f"list of at most {key.most} mappings with the keys below"
    text = key.of.name if key.most is None else f"list of at most {key.most}, each: {key.of.name}"
    if key.default is None:
        text += " or null"
    return f"{text}; {key.of.valid}" if key.of.valid else text


def _default(key: Key) -> str:
    """Return the default as the file would spell it, on one line."""
    if key.required:
        return "required"
    if isinstance(key.default, float):  # a time, as every one that is configured
        return f"`{show_duration(key.default)}`"
    return f"`{_flow(plain(key.default))}`"


def _flow(plain: object) -> str:
    match plain:
        case None:
            return "null"
        case bool():
            return str(plain).lower()
        case list():
            return f"[{', '.join(map(_flow, plain))}]"
        case dict():
            items = [
                f"{name}: {_flow(value)}" for name, value in plain.items() if value is not None
            ]
            return f"{{{', '.join(items)}}}"
        case str() if ":" in plain:
            return f'"{plain}"'
    return str(plain)


if __name__ == "__main__":
    click.echo(reference(), nl=False)
