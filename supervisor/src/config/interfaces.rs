//! The addresses of this machine and a list of wishes come in, the address that is told to others goes out.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use nix::ifaddrs::getifaddrs;

/// What is wished when nothing is typed.
pub const DEFAULT: [&str; 2] = ["eth0:inet", "inet"];

/// The addresses of all interfaces, by name of the interface and then by address as sixteen bytes: IPv4 comes before global IPv6, and
/// after `::1`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Addresses(Vec<(String, IpAddr)>);

impl Addresses {
    /// These, in any order.
    pub fn new(mut addresses: Vec<(String, IpAddr)>) -> Self {
        addresses.sort_by(|(a, x), (b, y)| a.cmp(b).then_with(|| sixteen(*x).cmp(&sixteen(*y))));
        Self(addresses)
    }

    /// Those of this machine as it is now.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn of_this_machine() -> std::io::Result<Self> {
        let address = |interface: nix::ifaddrs::InterfaceAddress| {
            let address = interface.address?;
            let v4 = address.as_sockaddr_in().map(|v4| IpAddr::from(v4.ip()));
            let v6 = || address.as_sockaddr_in6().map(|v6| IpAddr::from(v6.ip()));
            Some((interface.interface_name, v4.or_else(v6)?))
        };
        Ok(Self::new(getifaddrs()?.filter_map(address).collect()))
    }

    /// The first address that the first wish which can be met is met by.
    pub fn choose(&self, wishes: &[Wish]) -> Option<IpAddr> {
        wishes.iter().find_map(|wish| wish.find(&self.0))
    }
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<_> = self.0.iter().map(|(i, a)| format!("{i}={a}")).collect();
        f.write_str(if shown.is_empty() { "none" } else { "" })?;
        f.write_str(&shown.join(", "))
    }
}

fn sixteen(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// Which version of IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    Inet,
    /// IPv6.
    Inet6,
}

/// One element of `interfaces`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// `eth0`, `eth0:inet6`: the first address of this version on the interface.
    First(String, Family),
    /// `eth0[1]`: this one of the interface's addresses, from 0, both versions counted.
    Nth(String, usize),
    /// `inet`, `inet6`: the first of this version on any interface that is not the machine's own.
    Any(Family),
    /// `10.0.0.0/8`: the first address inside.
    Inside(IpAddr, u32),
    /// `static:10.0.0.1`: this one, whether the machine has it or not.
    Static(IpAddr),
}

/// A text that is no wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "is none of: an interface (eth0, eth0:inet6, eth0[1]), inet, inet6, a network (10.0.0.0/8), static:ADDRESS"
)]
pub struct WishError;

impl FromStr for Wish {
    type Err = WishError;

    fn from_str(text: &str) -> Result<Self, WishError> {
        if let Some(family) = family(text) {
            return Ok(Self::Any(family));
        }
        if let Some(address) = text.strip_prefix("static:") {
            return address.parse().map(Self::Static).map_err(|_| WishError);
        }
        if let Some((address, bits)) = text.split_once('/') {
            return network(address, bits).ok_or(WishError);
        }
        if let Some((name, index)) = text.strip_suffix(']').and_then(|text| text.split_once('[')) {
            let is_digits = index.bytes().all(|byte| byte.is_ascii_digit());
            let index = index.parse().ok().filter(|_| is_digits);
            return Ok(Self::Nth(interface(name)?, index.ok_or(WishError)?));
        }
        match text.split_once(':') {
            Some((name, version)) => Ok(Self::First(
                interface(name)?,
                family(version).ok_or(WishError)?,
            )),
            None => Ok(Self::First(interface(text)?, Family::Inet)),
        }
    }
}

fn family(text: &str) -> Option<Family> {
    match text {
        "inet" => Some(Family::Inet),
        "inet6" => Some(Family::Inet6),
        _ => None,
    }
}

/// ContainerPilot takes letters, digits and `_` only; `br-1`, `eth0.100` and `eth0@if5` are names of interfaces, too.
fn interface(name: &str) -> Result<String, WishError> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@');
    let is_name = name.chars().all(is_part) && name.contains(|c: char| c.is_ascii_alphabetic());
    is_name.then(|| name.to_owned()).ok_or(WishError)
}

fn network(address: &str, bits: &str) -> Option<Wish> {
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let is_digits = bits.bytes().all(|byte| byte.is_ascii_digit());
    let bits: u32 = bits.parse().ok().filter(|_| is_digits)?;
    (bits <= most).then_some(Wish::Inside(address, bits))
}

impl Wish {
    fn find(&self, addresses: &[(String, IpAddr)]) -> Option<IpAddr> {
        let all = addresses.iter().map(|(_, address)| *address);
        let on = |name: &'_ String| {
            let name = name.clone();
            let mine = addresses.iter().filter(move |(found, _)| *found == name);
            mine.map(|(_, address)| *address)
        };
        match self {
            Self::First(name, family) => on(name).find(|address| is_of(*address, *family)),
            Self::Nth(name, index) => on(name).nth(*index),
            Self::Any(family) => all
                .filter(|address| !address.is_loopback())
                .find(|address| is_of(*address, *family)),
            Self::Inside(network, bits) => all
                .filter(|address| address.is_ipv4() == network.is_ipv4())
                .find(|address| prefix(*address, *bits) == prefix(*network, *bits)),
            Self::Static(address) => Some(*address),
        }
    }
}

fn is_of(address: IpAddr, family: Family) -> bool {
    address.is_ipv4() == (family == Family::Inet)
}

/// The first `bits` of an address.
fn prefix(address: IpAddr, bits: u32) -> u128 {
    let (value, width) = match address {
        IpAddr::V4(v4) => (u128::from(u32::from(v4)), 32),
        IpAddr::V6(v6) => (u128::from(v6), 128),
    };
    value.checked_shr(width - bits.min(width)).unwrap_or(0)
}

#[cfg(test)]
mod tests;
