//! Traits: virtual functions when you ask for them, templates when you do not.
//!
//! | C++ | Rust |
//! |---|---|
//! | abstract base class | `trait` |
//! | `class Echo : public Handler` | `impl Handler for Echo`, also for others' types |
//! | `Handler&` with virtual calls | `&mut dyn Handler`: the *reference* knows the table |
//! | `template <class H>` | `fn receive<H: Handler>`: checked before it is filled in |
//! | inheriting fields | no: a struct holds another one ([`Counted`]) |
//!
//! A network library that knows its application only by such a trait is what step 3 builds.

/// What an application does with what a client sent.
pub trait Handler {
    /// Answers to some bytes.
    fn on_received(&mut self, bytes: &[u8]) -> Vec<u8>;

    /// What a handler that says nothing about it does, as a virtual function with a body.
    fn greeting(&self) -> &'static str {
        "welcome"
    }
}

/// Sends back what comes.
pub struct Echo;

impl Handler for Echo {
    fn on_received(&mut self, bytes: &[u8]) -> Vec<u8> {
        bytes.to_vec()
    }
}

/// Sends it back louder.
pub struct Shout;

impl Handler for Shout {
    fn on_received(&mut self, bytes: &[u8]) -> Vec<u8> {
        bytes.to_ascii_uppercase()
    }

    fn greeting(&self) -> &'static str {
        "WELCOME"
    }
}

/// Any handler, its calls counted: what a base class with a counter would be for.
pub struct Counted<H> {
    /// Who answers.
    pub inner: H,
    /// How often it was asked.
    pub calls: usize,
}

impl<H: Handler> Handler for Counted<H> {
    fn on_received(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.calls += 1;
        self.inner.on_received(bytes)
    }

    fn greeting(&self) -> &'static str {
        self.inner.greeting()
    }
}

/// Static: the compiler writes one such function for each handler, and may inline the call.
pub fn receive_static<H: Handler>(handler: &mut H, bytes: &[u8]) -> Vec<u8> {
    handler.on_received(bytes)
}

/// Dynamic: one function for all, which looks the call up. So a list may hold different ones.
pub fn receive_dynamic(handlers: &mut [Box<dyn Handler>], bytes: &[u8]) -> Vec<Vec<u8>> {
    handlers
        .iter_mut()
        .map(|handler| handler.on_received(bytes))
        .collect()
}

/// Calls both ways, and shows where the table of functions is.
pub fn show() {
    let mut counted = Counted {
        inner: Shout,
        calls: 0,
    };
    let answer = receive_static(&mut counted, b"hello");
    println!("static: {}", String::from_utf8_lossy(&answer));
    let mut handlers: Vec<Box<dyn Handler>> = vec![Box::new(Echo), Box::new(counted)];
    for answer in receive_dynamic(&mut handlers, b"hello") {
        println!("dynamic: {}", String::from_utf8_lossy(&answer));
    }
    println!(
        "an Echo takes {} bytes, &Echo {}, &dyn Handler {}: the object and the table",
        size_of::<Echo>(),
        size_of::<&Echo>(),
        size_of::<&dyn Handler>()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_call_the_same_function() {
        let mut handlers: Vec<Box<dyn Handler>> = vec![Box::new(Echo), Box::new(Shout)];
        assert_eq!(receive_dynamic(&mut handlers, b"hi"), [b"hi", b"HI"]);
        assert_eq!(receive_static(&mut Shout, b"hi"), b"HI");
    }

    #[test]
    fn what_a_handler_does_not_say_its_trait_says() {
        let counted = Counted {
            inner: Shout,
            calls: 0,
        };
        assert_eq!(
            (Echo.greeting(), counted.greeting()),
            ("welcome", "WELCOME")
        );
    }
}
