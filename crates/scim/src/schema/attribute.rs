//! Attributes and their characteristics (RFC 7643 §2).

/// An attribute of a schema, or a part of a complex one.
#[derive(Debug)]
pub struct Attribute {
    /// Its name, as it is written.
    pub name: &'static str,
    /// What it is.
    pub description: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// Whether it is a list.
    pub multi_valued: bool,
    /// Whether a resource must have it.
    pub required: bool,
    /// Whether upper and lower case differ.
    pub case_exact: bool,
    /// Who may change it.
    pub mutability: Mutability,
    /// When it is shown.
    pub returned: Returned,
    /// Among what it is unique.
    pub uniqueness: Uniqueness,
    /// Values that are usual.
    pub canonical: &'static [&'static str],
    /// What a reference may point to.
    pub references: &'static [&'static str],
    /// The parts of a complex one.
    pub subs: &'static [Self],
}

/// What values are (RFC 7643 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    String,
    /// True or false.
    Boolean,
    /// A whole number.
    Integer,
    /// An instant (RFC 3339).
    DateTime,
    /// A URI.
    Reference,
    /// Base64.
    Binary,
    /// An object.
    Complex,
}

/// Who may change an attribute (RFC 7643 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutability {
    /// The server alone.
    ReadOnly,
    /// Clients.
    ReadWrite,
    /// Clients, once.
    Immutable,
}

/// When an attribute is shown (RFC 7643 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned {
    /// Always.
    Always,
    /// Unless other attributes are asked for.
    Default,
}

/// Among what a value is unique (RFC 7643 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uniqueness {
    /// It need not be.
    None,
    /// Among the resources of this server.
    Server,
}

impl Kind {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::DateTime => "dateTime",
            Self::Reference => "reference",
            Self::Binary => "binary",
            Self::Complex => "complex",
        }
    }
}

impl Attribute {
    /// An optional text that clients may change, in whatever case.
    pub(super) const fn text(name: &'static str, description: &'static str) -> Self {
        Self::of(Kind::String, name, description)
    }

    /// An optional attribute that clients may change.
    pub(super) const fn of(kind: Kind, name: &'static str, description: &'static str) -> Self {
        Self {
            name,
            description,
            kind,
            multi_valued: false,
            required: false,
            case_exact: matches!(kind, Kind::Reference | Kind::Binary),
            mutability: Mutability::ReadWrite,
            returned: Returned::Default,
            uniqueness: Uniqueness::None,
            canonical: &[],
            references: &[],
            subs: &[],
        }
    }

    pub(super) const fn complex(
        name: &'static str,
        description: &'static str,
        subs: &'static [Self],
    ) -> Self {
        Self { subs, ..Self::of(Kind::Complex, name, description) }
    }

    pub(super) const fn multi(self) -> Self {
        Self { multi_valued: true, ..self }
    }

    pub(super) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    pub(super) const fn exact(self) -> Self {
        Self { case_exact: true, ..self }
    }

    pub(super) const fn read_only(self) -> Self {
        Self { mutability: Mutability::ReadOnly, ..self }
    }

    pub(super) const fn immutable(self) -> Self {
        Self { mutability: Mutability::Immutable, ..self }
    }

    pub(super) const fn always(self) -> Self {
        Self { returned: Returned::Always, ..self }
    }

    pub(super) const fn unique(self) -> Self {
        Self { uniqueness: Uniqueness::Server, ..self }
    }

    pub(super) const fn usually(self, canonical: &'static [&'static str]) -> Self {
        Self { canonical, ..self }
    }

    pub(super) const fn pointing_to(self, references: &'static [&'static str]) -> Self {
        Self { references, ..self }
    }

    /// The part of that name, whatever its case.
    pub fn sub(&self, name: &str) -> Option<&'static Self> {
        named(self.subs, name)
    }

    /// What a comparison with the attribute looks at when it names no part: the part `value`, if there is one.
    pub fn compared(&'static self) -> &'static Self {
        self.sub("value").unwrap_or(self)
    }
}

pub(super) fn named(attributes: &'static [Attribute], name: &str) -> Option<&'static Attribute> {
    attributes.iter().find(|known| known.name.eq_ignore_ascii_case(name))
}

/// What every resource has (RFC 7643 §3.1).
pub(super) static COMMON: [Attribute; 4] = [
    Attribute::of(Kind::Reference, "schemas", "The schemas that the resource has")
        .multi()
        .required()
        .read_only()
        .always(),
    Attribute::text("id", "Names the resource").exact().read_only().always().unique(),
    Attribute::text("externalId", "What the client calls the resource").exact(),
    Attribute::complex("meta", "About the resource", &META).read_only(),
];

static META: [Attribute; 5] = [
    Attribute::text("resourceType", "The type of the resource").exact().read_only(),
    Attribute::of(Kind::DateTime, "created", "When it was created").read_only(),
    Attribute::of(Kind::DateTime, "lastModified", "When it was changed last").read_only(),
    Attribute::of(Kind::Reference, "location", "Where it is").read_only(),
    Attribute::text("version", "Its entity tag").exact().read_only(),
];
