//! Whose address a request has: its connection's, or what a proxy says that is trusted. Pure.

use std::net::{IpAddr, Ipv6Addr};

use axum::extract::Request;
use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

/// Where a connection comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// What proxies write clients' addresses into, each at the end.
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of a request's client. None where a trusted peer asks for itself: that is a part of the system.
pub(super) fn of_client(request: &Request, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = request.extensions().get::<Peer>()?.0.to_canonical();
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(&peer) {
        return Some(shared(peer));
    }
    // From the last one back: what stands before an address that is not trusted, its owner can have made up.
    let mut client = None;
    for address in forwarded(request.headers()) {
        let Some(address) = address else { break };
        client = Some(shared(address));
        if !is_trusted(&address) {
            break;
        }
    }
    client
}

/// The addresses of the header, the last first; none for what is no address.
fn forwarded(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    let values = headers.get_all(X_FORWARDED_FOR).into_iter().rev();
    let texts = values.flat_map(|value| value.to_str().unwrap_or("?").rsplit(','));
    texts.map(|text| text.trim().parse().ok().map(|it: IpAddr| it.to_canonical()))
}

/// The address that counts: who has one of IPv6 has the 2^64 of its network.
fn shared(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let network = address.to_bits() >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&'static str]) -> Option<String> {
        let trusted = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        let mut request = Request::default();
        request.extensions_mut().insert(Peer(peer.parse().unwrap()));
        for value in forwarded {
            let value = http::HeaderValue::from_static(value);
            request.headers_mut().append(X_FORWARDED_FOR, value);
        }
        of_client(&request, &trusted).map(|address| address.to_string())
    }

    #[test]
    fn an_address_is_the_connections_unless_a_trusted_proxy_says_otherwise() {
        for (peer, forwarded, expected) in [
            ("192.0.2.1", &[][..], Some("192.0.2.1")),
            ("192.0.2.1", &["198.51.100.7"], Some("192.0.2.1")),
            ("::ffff:192.0.2.1", &[], Some("192.0.2.1")),
            ("2001:db8:1:2:3:4:5:6", &[], Some("2001:db8:1:2::")),
            ("10.0.0.9", &[], None),
            ("::ffff:10.0.0.9", &["198.51.100.7"], Some("198.51.100.7")),
            ("fd00::1", &["198.51.100.7"], Some("198.51.100.7")),
            // Made up by the client, before what the proxy has seen itself.
            (
                "10.0.0.9",
                &["192.0.2.1, 198.51.100.7"],
                Some("198.51.100.7"),
            ),
            (
                "10.0.0.9",
                &["192.0.2.1", "198.51.100.7"],
                Some("198.51.100.7"),
            ),
            // Two proxies, one behind the other.
            (
                "10.0.0.9",
                &["192.0.2.1, 198.51.100.7, 10.1.1.1"],
                Some("198.51.100.7"),
            ),
            ("10.0.0.9", &["10.2.2.2,10.1.1.1"], Some("10.2.2.2")),
            (
                "10.0.0.9",
                &["198.51.100.7, unknown, 10.1.1.1"],
                Some("10.1.1.1"),
            ),
            ("10.0.0.9", &["unknown"], None),
        ] {
            assert_eq!(
                client(peer, forwarded).as_deref(),
                expected,
                "{peer} {forwarded:?}"
            );
        }
    }
}
