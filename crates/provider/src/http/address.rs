//! Which IP addresses lie on the public internet.
//!
//! A host name comes from configuration, but what it resolves to comes from whoever runs its DNS.
//! Addresses inside our own network are therefore refused unless a connection allows them, and an
//! IPv4 address inside an IPv6 one is judged by what it is. Sources: the IANA special-purpose
//! registries for IPv4 and IPv6.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where an address lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressClass {
    /// On the public internet.
    Public,
    /// On this machine or in a network that is not public: loopback, private, link-local, shared
    /// by a carrier, unique local.
    Private,
    /// Nowhere that a provider could be: unspecified, multicast, reserved, for documentation.
    Never,
}

/// Where an address lies.
#[must_use]
pub fn classify(address: IpAddr) -> AddressClass {
    match address {
        IpAddr::V4(v4) => classify_v4(v4),
        IpAddr::V6(v6) => classify_v6(v6),
    }
}

fn classify_v4(address: Ipv4Addr) -> AddressClass {
    match address.octets() {
        // "This network", and what reaches the local machine through it.
        [0, ..] => AddressClass::Never,
        [10 | 127, ..] | [192, 168, ..] | [169, 254, ..] => AddressClass::Private,
        [172, second, ..] if second & 0xf0 == 16 => AddressClass::Private,
        // Carrier-grade NAT.
        [100, second, ..] if second & 0xc0 == 64 => AddressClass::Private,
        // Protocol assignments, then the three nets for documentation.
        [192, 0, 0 | 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => AddressClass::Never,
        // 6to4 relays, benchmarks.
        [192, 88, 99, _] | [198, 18 | 19, ..] => AddressClass::Never,
        // Multicast, reserved, broadcast.
        [224..=255, ..] => AddressClass::Never,
        _ => AddressClass::Public,
    }
}

fn classify_v6(address: Ipv6Addr) -> AddressClass {
    let segments = address.segments();
    let low = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        classify_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 0] => AddressClass::Never,
        [0, 0, 0, 0, 0, 0, 0, 1] => AddressClass::Private,
        // Mapped, NAT64, 6to4: an IPv4 address in other clothes.
        [0, 0, 0, 0, 0, 0xffff, a, b] | [0x64, 0xff9b, 0, 0, 0, 0, a, b] => low(a, b),
        [0x2002, a, b, ..] => low(a, b),
        // NAT64 in a local network.
        [0x64, 0xff9b, 1, ..] => AddressClass::Private,
        // Unique local, link-local, the former site-local.
        [first, ..] if first & 0xfe00 == 0xfc00 => AddressClass::Private,
        [first, ..] if first & 0xffc0 == 0xfe80 || first & 0xffc0 == 0xfec0 => {
            AddressClass::Private
        }
        // Teredo and other protocol assignments, documentation.
        [0x2001, second, ..] if second < 0x200 || second == 0xdb8 => AddressClass::Never,
        [0x3fff, second, ..] if second < 0x1000 => AddressClass::Never,
        // Only this block is handed out as global unicast; the rest is multicast, discard,
        // IPv4-compatible or reserved.
        [first, ..] if first & 0xe000 == 0x2000 => AddressClass::Public,
        _ => AddressClass::Never,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn class(text: &str) -> AddressClass {
        classify(text.parse().unwrap())
    }

    #[test]
    fn private_addresses_are_told_from_public_ones_at_their_borders() {
        let private = [
            "10.0.0.0",
            "10.255.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.0",
            "172.31.255.255",
            "192.168.0.1",
            "100.64.0.0",
            "100.127.255.255",
            "::1",
            "fc00::",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "64:ff9b:1::1",
        ];
        for text in private {
            assert_eq!(class(text), AddressClass::Private, "{text}");
        }
        let public = [
            "9.255.255.255",
            "11.0.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2606:4700::1",
            "2a00::1",
            "3fff:1000::1",
        ];
        for text in public {
            assert_eq!(class(text), AddressClass::Public, "{text}");
        }
        let never = [
            "0.0.0.0",
            "0.1.2.3",
            "192.0.0.1",
            "192.0.2.1",
            "198.51.100.7",
            "203.0.113.255",
            "198.18.0.1",
            "198.19.255.255",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "ff02::1",
            "100::1",
            "2001:db8::1",
            "2001::1",
            "::7f00:1",
            "3fff::1",
            "4000::1",
        ];
        for text in never {
            assert_eq!(class(text), AddressClass::Never, "{text}");
        }
    }

    proptest! {
        #[test]
        fn an_ipv4_address_in_ipv6_clothes_is_judged_as_what_it_is(octets in any::<[u8; 4]>()) {
            let v4 = Ipv4Addr::from(octets);
            let [a, b, c, d] = octets;
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let dressed = [
                v4.to_ipv6_mapped(),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            ];
            for v6 in dressed {
                prop_assert_eq!(classify(v6.into()), classify(v4.into()));
            }
        }
    }
}
