//! What is wrong with an address, in upstream's words.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Reads an address; leading zeros are not allowed, as some read them as octal.
pub(crate) fn parse(text: &str) -> Result<IpAddr, &'static str> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let without_zeros: Vec<String> = text
        .split('.')
        .map(|part| part.trim_start_matches('0'))
        .map(|part| {
            if part.is_empty() {
                "0".to_owned()
            } else {
                part.to_owned()
            }
        })
        .collect();
    if text.contains('.') && without_zeros.join(".").parse::<Ipv4Addr>().is_ok() {
        return Err("must not have leading 0s");
    }
    Err("must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")
}

/// Whether it is a range of addresses.
pub(crate) fn is_range(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let Ok(bits) = bits.parse::<u8>() else {
        return false;
    };
    match address.parse() {
        Ok(IpAddr::V4(_)) => bits <= 32,
        Ok(IpAddr::V6(_)) => bits <= 128,
        Err(_) => false,
    }
}

/// Why an address cannot be that of another machine.
pub(super) fn special(address: IpAddr) -> Option<&'static str> {
    let link_local_6 = |address: Ipv6Addr| address.segments()[0] & 0xffc0 == 0xfe80;
    let link_multicast_6 = |address: Ipv6Addr| address.segments()[0] & 0xff0f == 0xff02;
    if address.is_unspecified() {
        return Some("may not be unspecified (0.0.0.0 or ::)");
    }
    if address.is_loopback() {
        return Some("may not be in the loopback range (127.0.0.0/8, ::1/128)");
    }
    let (is_link_local, is_link_multicast) = match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            (address.is_link_local(), [a, b, c] == [224, 0, 0])
        }
        IpAddr::V6(address) => (link_local_6(address), link_multicast_6(address)),
    };
    if is_link_local {
        Some("may not be in the link-local range (169.254.0.0/16, fe80::/10)")
    } else if is_link_multicast {
        Some("may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")
    } else {
        None
    }
}
