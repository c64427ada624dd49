//! Bugs on purpose, of every layer: each must be found.

/// A bug of one of the layers below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canary {
    /// Of the port.
    Port(wharf_port::sim::Canary),
    /// Of the sessions.
    Net(wharf_net::Canary),
    /// Of the rooms.
    Content(wharf_content::Canary),
}

impl Canary {
    /// Every bug that a whole server can have.
    pub fn all() -> impl Iterator<Item = Self> {
        let port = wharf_port::sim::Canary::ALL.into_iter().map(Self::Port);
        let net = wharf_net::Canary::ALL.into_iter().map(Self::Net);
        // A verdict that comes late wants an authenticator that is slow, and ours is not.
        let content = wharf_content::Canary::ALL
            .into_iter()
            .filter(|canary| *canary != wharf_content::Canary::StaleVerdict)
            .map(Self::Content);
        port.chain(net).chain(content)
    }

    pub(crate) fn of_port(self) -> Option<wharf_port::sim::Canary> {
        match self {
            Self::Port(canary) => Some(canary),
            _ => None,
        }
    }

    pub(crate) fn of_net(self) -> Option<wharf_net::Canary> {
        match self {
            Self::Net(canary) => Some(canary),
            _ => None,
        }
    }

    pub(crate) fn of_content(self) -> Option<wharf_content::Canary> {
        match self {
            Self::Content(canary) => Some(canary),
            _ => None,
        }
    }
}
