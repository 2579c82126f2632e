//! What is wrong with an address, in upstream's words.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Reads an address; leading zeros are not allowed, as some read them as octal.
pub(crate) fn parse(text: &str) -> Result<IpAddr, &'static str> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    if has_leading_zeros(text) {
        return Err("must not have leading 0s");
    }
    Err("must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")
}

/// Whether a text is an address, but for zeros that its numbers begin with.
fn has_leading_zeros(text: &str) -> bool {
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
    text.contains('.') && without_zeros.join(".").parse::<Ipv4Addr>().is_ok()
}

/// Reads a range of addresses, which says of no address more than its prefix has.
pub(crate) fn parse_range(text: &str) -> Result<(IpAddr, u8), &'static str> {
    const NO_RANGE: &str = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
    let (address, length) = text.split_once('/').ok_or(NO_RANGE)?;
    let bits: u8 = length.parse().map_err(|_| NO_RANGE)?;
    if has_leading_zeros(address) && address.parse::<IpAddr>().is_err()
        || length.len() > 1 && length.starts_with('0')
    {
        return Err("must not have leading 0s in IP or prefix length");
    }
    let address: IpAddr = address.parse().map_err(|_| NO_RANGE)?;
    let is_zero_beyond = match address {
        IpAddr::V4(_) if bits > 32 => return Err(NO_RANGE),
        IpAddr::V6(_) if bits > 128 => return Err(NO_RANGE),
        IpAddr::V4(address) => u32::from(address).checked_shl(bits.into()).unwrap_or(0) == 0,
        IpAddr::V6(address) => u128::from(address).checked_shl(bits.into()).unwrap_or(0) == 0,
    };
    if !is_zero_beyond {
        return Err("must not have bits set beyond the prefix length");
    }
    Ok((address, bits))
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
