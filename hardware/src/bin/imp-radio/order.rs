//! What a workstation asks of the phone at the other end: the first bytes of a frame.

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// `e`: this frame comes back.
    Echo,
    /// `u` and a number of frames: they follow, and the phone says how many came.
    Up(u32),
    /// `d` and a number of frames: the phone sends so many.
    Down(u32),
    /// `U` and a number of bytes: they follow over the link of the protocol.
    LinkUp(u32),
    /// `D` and a number of bytes: the phone sends so many over the link of the protocol.
    LinkDown(u32),
}

impl Order {
    /// Reads a frame; what is none of these is late, or belongs to something else.
    pub(crate) fn parse(frame: &[u8]) -> Option<Self> {
        let (kind, rest) = frame.split_first()?;
        let number = rest.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
        match kind {
            b'e' => Some(Self::Echo),
            b'u' => number.map(Self::Up),
            b'd' => number.map(Self::Down),
            b'U' => number.map(Self::LinkUp),
            b'D' => number.map(Self::LinkDown),
            _ => None,
        }
    }

    /// Writes a frame.
    pub(crate) fn frame(self) -> Vec<u8> {
        let (kind, number) = match self {
            Self::Echo => return vec![b'e'],
            Self::Up(number) => (b'u', number),
            Self::Down(number) => (b'd', number),
            Self::LinkUp(number) => (b'U', number),
            Self::LinkDown(number) => (b'D', number),
        };
        let mut frame = vec![kind];
        frame.extend(number.to_be_bytes());
        frame
    }
}
