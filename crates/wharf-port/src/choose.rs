//! Which backend serves here, and why: decided once at the start, said in one sentence.

#[cfg(target_os = "linux")]
use crate::OpenError;
use core::fmt;
use core::str::FromStr;

/// What the operator asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendWish {
    /// The best one that this machine permits.
    #[default]
    Auto,
    /// io_uring (Linux), or an error.
    Uring,
    /// Readiness (Linux, macOS), or an error.
    Readiness,
    /// Completion ports (Windows), or an error.
    Iocp,
}

impl FromStr for BackendWish {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "auto" => Ok(Self::Auto),
            "uring" => Ok(Self::Uring),
            "readiness" => Ok(Self::Readiness),
            "iocp" => Ok(Self::Iocp),
            _ => Err(format!("{name:?} is none of auto, uring, readiness, iocp")),
        }
    }
}

/// The backends that this system has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// [`crate::UringPort`].
    #[cfg(target_os = "linux")]
    Uring,
    /// A port made from readiness.
    #[cfg(unix)]
    Readiness,
    /// A port over IOCP.
    #[cfg(windows)]
    Iocp,
}

impl Backend {
    /// Its name in configuration and logs, as [`crate::NativePort::NAME`].
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(target_os = "linux")]
            Self::Uring => "uring",
            #[cfg(unix)]
            Self::Readiness => "readiness",
            #[cfg(windows)]
            Self::Iocp => "iocp",
        }
    }
}

/// The backend to serve with. Displays as its name and the reason, for the start-up log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The backend.
    pub backend: Backend,
    /// Why it, in words that follow its name.
    pub why: String,
    best: bool,
    remedy: Option<&'static str>,
}

impl Chosen {
    /// Whether this is the backend that this system would serve best with.
    pub fn is_best(&self) -> bool {
        self.best
    }

    /// What would permit the best one, where another was taken for want of it and that is known.
    pub fn remedy(&self) -> Option<&'static str> {
        self.remedy
    }
}

impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.backend.name(), self.why)
    }
}

/// Why a wish cannot be met here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WishError(String);

impl fmt::Display for WishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WishError {}

/// Decides on a backend. On Linux a small ring is made and tried to find out; the calling thread's
/// permissions count (a seccomp filter belongs to a thread).
///
/// # Errors
/// [`WishError`] when the wish names a backend that this machine lacks or forbids.
pub fn choose(wish: BackendWish) -> Result<Chosen, WishError> {
    #[cfg(target_os = "linux")]
    return choose_on_linux(wish, crate::UringPort::probe);
    #[cfg(all(unix, not(target_os = "linux")))]
    return match wish {
        BackendWish::Auto | BackendWish::Readiness => Ok(Chosen {
            backend: Backend::Readiness,
            why: "the readiness of sockets, which is what this system has".to_owned(),
            best: true,
            remedy: None,
        }),
        BackendWish::Uring => Err(elsewhere("uring", "Linux")),
        BackendWish::Iocp => Err(elsewhere("iocp", "Windows")),
    };
    #[cfg(windows)]
    return match wish {
        BackendWish::Auto | BackendWish::Iocp => Ok(Chosen {
            backend: Backend::Iocp,
            why: "completion ports, which every Windows has".to_owned(),
            best: true,
            remedy: None,
        }),
        BackendWish::Uring => Err(elsewhere("uring", "Linux")),
        BackendWish::Readiness => Err(elsewhere("readiness", "Linux or macOS")),
    };
}

#[cfg(target_os = "linux")]
fn choose_on_linux(
    wish: BackendWish,
    probe: impl FnOnce() -> Result<(), OpenError>,
) -> Result<Chosen, WishError> {
    let uring = || Chosen {
        backend: Backend::Uring,
        why: "io_uring, with multishot receive and buffer rings".to_owned(),
        best: true,
        remedy: None,
    };
    let readiness = |why, remedy| Chosen {
        backend: Backend::Readiness,
        why,
        best: false,
        remedy,
    };
    match wish {
        BackendWish::Readiness => Ok(readiness("asked for".to_owned(), None)),
        BackendWish::Iocp => Err(elsewhere("iocp", "Windows")),
        BackendWish::Uring => match probe() {
            Ok(()) => Ok(uring()),
            Err(error) => Err(WishError(format!("no io_uring here: {}", reason(&error).0))),
        },
        BackendWish::Auto => Ok(match probe() {
            Ok(()) => uring(),
            Err(error) => {
                let (reason, remedy) = reason(&error);
                readiness(format!("chosen because {reason}"), remedy)
            }
        }),
    }
}

/// The error, what stands behind it where the kernel alone does not tell, and what mends it.
#[cfg(target_os = "linux")]
fn reason(error: &OpenError) -> (String, Option<&'static str>) {
    let OpenError::Unsupported { code, .. } = error else {
        return (error.to_string(), None);
    };
    match code.and_then(crate::sys::linux::forbidden_by) {
        Some(forbidder) => (format!("{error}: {forbidder}"), Some(forbidder.remedy())),
        None => (error.to_string(), Some("Linux 6.1 or newer")),
    }
}

fn elsewhere(name: &str, system: &str) -> WishError {
    WishError(format!(
        "the {name} backend is for {system}; `auto` takes what is there"
    ))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn lacks() -> Result<(), OpenError> {
        let feature = "deferred task run (Linux 6.1)";
        Err(OpenError::Unsupported {
            feature,
            code: None,
        })
    }

    #[test]
    fn auto_takes_io_uring_where_it_works_and_says_why_where_not() {
        let best = choose_on_linux(BackendWish::Auto, || Ok(())).unwrap();
        assert!(best.is_best() && best.backend == Backend::Uring);
        let second = choose_on_linux(BackendWish::Auto, lacks).unwrap();
        assert!(!second.is_best());
        assert_eq!(
            second.to_string(),
            "readiness: chosen because the kernel lacks deferred task run (Linux 6.1)"
        );
        assert_eq!(second.remedy(), Some("Linux 6.1 or newer"));
    }

    #[test]
    fn an_explicit_wish_is_met_or_refused_never_replaced() {
        let refused = choose_on_linux(BackendWish::Uring, lacks).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "no io_uring here: the kernel lacks deferred task run (Linux 6.1)"
        );
        let asked = choose_on_linux(BackendWish::Readiness, || unreachable!("not asked for"));
        let asked = asked.unwrap();
        assert_eq!(asked.to_string(), "readiness: asked for");
        assert_eq!(asked.remedy(), None, "nothing is to be mended");
        assert!(choose_on_linux(BackendWish::Iocp, || Ok(())).is_err());
    }

    #[test]
    fn each_wish_has_its_name() {
        assert_eq!("auto".parse(), Ok(BackendWish::Auto));
        assert_eq!("readiness".parse(), Ok(BackendWish::Readiness));
        assert!("epoll".parse::<BackendWish>().is_err());
    }
}
