"""Reads the groups of ``routing.yaml``, and whom its rules tell over which channels."""

from __future__ import annotations

from collections.abc import Mapping

from yaml.nodes import MappingNode, Node

from include.alerts.contacts import ADDRESSES, CHANNELS, CUSTOMER_CHANNELS, EMAIL, Contact
from include.alerts.delivery import CUSTOMER
from include.alerts.routing import Tell
from include.alerts.yaml_lines import YamlLines

LANGUAGES = ("en", "de")
_PREFIX = "TIDEWATCH_ALERT_GROUP_"


def overrides(environ: Mapping[str, str], addresses: Mapping[str, str]) -> dict[str, str]:
    """Addresses that stand above those of the file, by ``group`` (e-mail) or ``group_channel``."""
    found = {key[len(_PREFIX) :].lower(): value for key, value in environ.items() if key.startswith(_PREFIX)}
    return {**found, **addresses}


def read_groups(lines: YamlLines, node: Node, instead: Mapping[str, str]) -> dict[str, Contact]:
    """The groups of staff, with the addresses of ``instead`` above those of the file."""
    nodes = lines.mapping(node)
    for name, group in nodes.items():
        if name == CUSTOMER or not (name.isascii() and name.isidentifier() and name == name.lower()):
            raise lines.error(
                group,
                f'expected a group name of lower-case letters, digits and _ (not "{CUSTOMER}"), '
                f'got "{name}"; rename it',
            )
    by_group = _by_group(lines, node, tuple(nodes), instead)
    return {name: _group(lines, name, group, by_group[name]) for name, group in nodes.items()}


def _by_group(
    lines: YamlLines, node: Node, names: tuple[str, ...], instead: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """Overrides by group and channel; the name of a group goes before that of a group and a channel."""
    meant = {f"{name}_{channel}": (name, channel) for name in names for channel in CHANNELS}
    meant |= {name: (name, EMAIL) for name in names}
    unknown = sorted(set(instead) - set(meant))
    if unknown:
        raise lines.error(
            node,
            f"an address is given for {', '.join(unknown)}, which is no group of this file "
            f"({', '.join(names)}), nor one with _{', _'.join(CHANNELS)} behind it; correct {_PREFIX}... "
            "or the argument",
        )
    found: dict[str, dict[str, str]] = {name: {} for name in names}
    for key, address in instead.items():
        name, channel = meant[key]
        found[name][channel] = address
    return found


def _group(lines: YamlLines, name: str, node: Node, instead: Mapping[str, str]) -> Contact:
    fields = lines.mapping(node, optional=("address", *CHANNELS, "language"))
    if "address" in fields and EMAIL in fields:
        raise lines.error(fields[EMAIL], "expected address or email, which are the same, got both; drop one")
    language = lines.one_of(fields["language"], LANGUAGES) if "language" in fields else "en"
    nodes = {key: value for key, value in fields.items() if key in CHANNELS}
    if "address" in fields:
        nodes[EMAIL] = fields["address"]
    addresses = {}
    for channel in CHANNELS:
        if channel not in nodes and channel not in instead:
            continue
        address = instead.get(channel) or lines.text(nodes[channel])
        pattern, what = ADDRESSES[channel]
        if not pattern.fullmatch(address):
            raise lines.error(nodes.get(channel, node), f'expected {what} for group {name}, got "{address}"')
        addresses[channel] = address
    if not addresses:
        raise lines.error(node, f"expected an address for group {name}: address, {', '.join(CHANNELS)}")
    return Contact(addresses, language)


def read_tell(
    lines: YamlLines, node: Node, groups: Mapping[str, Contact], more: tuple[str, ...]
) -> list[Tell]:
    """Whom a rule tells: a list of names, or of a name with its channels.

    Parameters
    ----------
    more
        Names that may stand there beside those of the groups.
    """
    return [_one(lines, item, groups, (*groups, *more)) for item in lines.sequence(node)]


def _one(lines: YamlLines, node: Node, groups: Mapping[str, Contact], names: tuple[str, ...]) -> Tell:
    if not isinstance(node, MappingNode):
        tell = Tell(lines.one_of(node, names))
    else:
        if len(node.value) != 1:
            raise lines.error(node, "expected one name with its channels, such as {customer: [sms, email]}")
        name, listed = node.value[0]
        audience = lines.one_of(name, names)
        tell = Tell(audience, tuple(lines.items(listed, lambda item: lines.one_of(item, CHANNELS))))
    reachable = CUSTOMER_CHANNELS if tell.audience == CUSTOMER else tuple(groups[tell.audience].addresses)
    for channel in tell.channels:
        if channel not in reachable:
            raise lines.error(
                node,
                f"expected channels {tell.audience} can be reached on ({', '.join(reachable)}), got {channel}; "
                "add its address to the group or drop the channel",
            )
    return tell
