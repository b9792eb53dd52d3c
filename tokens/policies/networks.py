import ipaddress
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def neighbourhood_of(address: str) -> str:
    """The /16 of an IPv4 and the /32 of an IPv6 address.

    About one provider in one region: a line that gets another address every day stays in it.
    """
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        parsed = parsed.ipv4_mapped or parsed
    return str(ipaddress.ip_network((parsed, 16 if parsed.version == 4 else 32), strict=False))


def is_reachable(address: str, *, networks: Sequence[Network]) -> bool:
    """Whether a request may go to an address that somebody else has named (CWE-918): a public one, or in `networks`.

    An IPv6 address that stands for an IPv4 address (mapped, 6to4, NAT64) is judged by that.
    """
    parsed = _embedded(ipaddress.ip_address(address))
    if any(parsed in network for network in networks):
        return True
    return parsed.is_global and not parsed.is_multicast


def _embedded(address: Address) -> Address:
    if address.version == 4:
        return address
    nat64 = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None
    return address.ipv4_mapped or address.sixtofour or nat64 or address
