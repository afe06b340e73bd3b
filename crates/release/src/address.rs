//! Which addresses may be spoken to where somebody else wrote them down.

use std::net::IpAddr;

use url::{Host, Url};

/// Whether an address that somebody else wrote down may be spoken to, as far as it says
/// so itself. One that is written as a number is not resolved, so a private one is refused
/// here; the loopback is for what runs on the same machine.
pub fn is_https_or_loopback(url: &Url) -> bool {
    let literal = match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        _ => None,
    };
    match (url.scheme(), literal) {
        ("https", None) => true,
        ("https", Some(address)) => is_public(address) || address.is_loopback(),
        ("http", Some(address)) => address.is_loopback(),
        _ => false,
    }
}

/// Whether an address is one on the internet.
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let shared = a == 100 && (64..=127).contains(&b);
            let benchmark = a == 198 && (18..=19).contains(&b);
            let protocol = (a, b, c) == (192, 0, 0);
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_broadcast()
                || v4.is_documentation()
                || v4.is_multicast()
                || a == 0
                || a >= 240
                || shared
                || benchmark
                || protocol)
        }
        IpAddr::V6(v6) => {
            let segments = v6.segments();
            let documentation = segments[0] == 0x2001 && segments[1] == 0xdb8;
            // Global unicast is 2000::/3; 64:ff9b::/96 and 2002::/16 hide IPv4
            // addresses that were not looked at.
            let global = segments[0] & 0xe000 == 0x2000;
            global && !documentation && segments[0] != 0x2002
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_not_on_the_internet_are_recognised() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "::1",
            "fe80::1",
            "fd00:ec2::254",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
        for public in ["8.8.8.8", "2600:1f18::1"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }
}
