//! What to keep of a response, decided when the plan is compiled.

/// Parts of a response; asked for all at once, for every request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Want(u16);

impl Want {
    /// Nothing.
    pub(crate) const NONE: Self = Self(0);
    /// All headers.
    pub(crate) const HEADERS: Self = Self(1);
    /// `Set-Cookie`.
    pub(crate) const COOKIES: Self = Self(2);
    /// Headers of redirects (3xx).
    pub(crate) const REDIRECTS: Self = Self(4);
    /// The body.
    pub(crate) const BODY: Self = Self(8);
    /// The beginning of a response in pieces, whatever its status.
    pub(crate) const BEGINNING: Self = Self(16);

    /// All there is of it: it is shown, whether it failed or not.
    pub(crate) const SHOWN: Self = Self(32);

    /// Of the request: that it may carry a `traceparent`.
    pub(crate) const TRACED: Self = Self(64);
    /// Of the request: that its trace has been decided.
    pub(crate) const AGAIN: Self = Self(128);

    /// The body, piece by piece, each as soon as it comes.
    pub(crate) const STREAMED: Self = Self(256);

    /// Of the request: that its connection is closed after the response.
    pub(crate) const CLOSES: Self = Self(512);

    /// Both.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Both, if `condition` holds.
    #[inline]
    pub(crate) const fn and_if(self, condition: bool, other: Self) -> Self {
        Self(self.0 | if condition { other.0 } else { 0 })
    }

    /// Whether any part of this is wanted.
    #[inline]
    pub(crate) const fn has(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }
}
