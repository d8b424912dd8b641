//! What deserves a look, and telling the person concerned: rules over events, each explained in a sentence.
