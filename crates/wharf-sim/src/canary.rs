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
    /// Of rooms that have a name.
    Chat(wharf_chat::Canary),
    /// Of who may do what in them.
    Platform(wharf_platform::Canary),
    /// Of the services.
    Services(ServiceCanary),
}

/// A bug of the services, or of their store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceCanary {
    /// A whisper is told twice.
    WhisperTwice,
    /// A whisper is told to nobody.
    LostWhisper,
    /// A whisper is told to somebody else.
    WrongEar,
    /// A call is never answered.
    LostReply,
    /// Whoever is taken over is not told, and stays.
    ForgottenTakeover,
    /// Whoever takes over is sent away, and the older stays.
    NewerTakenOver,
    /// Whoever is kicked is not told, and stays.
    ForgottenKick,
    /// Whoever is banned from the server logs in as before.
    UnheardBan,
    /// Whoever is muted everywhere speaks as before.
    UnheardMute,
    /// Accounts that are erased stay.
    KeptAccounts,
    /// What was acknowledged was not durable.
    ForgetfulStore,
    /// Logins that are ended go on.
    KeptLogins,
    /// Nobody is kept from whispering.
    UnheardBlock,
    /// What was acknowledged is durable when the process ends in order, and not when it crashes.
    UnsyncedStore,
    /// Tokens are worth nothing to the next process.
    LoginsOfOneLife,
    /// What is removed is read as before.
    KeptMessages,
    /// A ticket for one use is good for another.
    TicketTwice,
    /// Nobody who guesses waits.
    NoDelays,
    /// Whoever guesses has a new start with each process.
    DelaysOfOneLife,
}

impl ServiceCanary {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::WhisperTwice,
        Self::LostWhisper,
        Self::WrongEar,
        Self::LostReply,
        Self::ForgottenTakeover,
        Self::NewerTakenOver,
        Self::ForgottenKick,
        Self::UnheardBan,
        Self::UnheardMute,
        Self::KeptAccounts,
        Self::ForgetfulStore,
        Self::KeptLogins,
        Self::UnheardBlock,
        Self::UnsyncedStore,
        Self::LoginsOfOneLife,
        Self::KeptMessages,
        Self::TicketTwice,
        Self::NoDelays,
        Self::DelaysOfOneLife,
    ];
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
        let services = ServiceCanary::ALL.into_iter().map(Self::Services);
        let chat = wharf_chat::Canary::ALL.into_iter().map(Self::Chat);
        let platform = wharf_platform::Canary::ALL.into_iter().map(Self::Platform);
        let all = port.chain(net).chain(content).chain(services);
        all.chain(chat).chain(platform)
    }

    pub(crate) fn of_chat(self) -> Option<wharf_chat::Canary> {
        match self {
            Self::Chat(canary) => Some(canary),
            _ => None,
        }
    }

    pub(crate) fn of_platform(self) -> Option<wharf_platform::Canary> {
        match self {
            Self::Platform(canary) => Some(canary),
            _ => None,
        }
    }

    pub(crate) fn of_services(self) -> Option<ServiceCanary> {
        match self {
            Self::Services(canary) => Some(canary),
            _ => None,
        }
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
