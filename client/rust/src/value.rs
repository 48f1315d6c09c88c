//! Values: what state, arguments and results are made of.

use num_bigint::BigInt;

use crate::Map;

/// A value: JSON, but with exact integers, ordered maps, and extensions.
///
/// It is made of most types with `into()`. There is no conversion of bytes, which are no value: base64 carries them as
/// text. As JSON, values are in flowrpc's exact notation, see the implementation of `Serialize`.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Python's `None`.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer of 64 bits.
    Int(i64),
    /// An integer beyond 64 bits.
    BigInt(BigInt),
    /// A double that is a number; `NaN` and infinities are refused when they are sent.
    Float(f64),
    /// Text.
    Text(String),
    /// Items in order.
    List(Vec<Value>),
    /// Entries in order.
    Map(Map),
    /// A value of a named type that JSON has not.
    Extension(Box<Extension>),
}

/// A value of a named type that JSON has not, such as a reference to a file. It is kept as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Extension {
    /// The name of the type: lower-case letters, digits and `_`.
    pub type_name: String,
    /// What it holds.
    pub content: Value,
}

impl Value {
    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(truth) = self { Some(*truth) } else { None }
    }

    /// The integer, if it is one of 64 bits.
    pub fn as_i64(&self) -> Option<i64> {
        if let Self::Int(number) = self { Some(*number) } else { None }
    }

    /// The integer, of any size, if it is one.
    pub fn to_big_int(&self) -> Option<BigInt> {
        match self {
            Self::Int(number) => Some(BigInt::from(*number)),
            Self::BigInt(number) => Some(number.clone()),
            _ => None,
        }
    }

    /// The double, if it is one; an integer is none.
    pub fn as_f64(&self) -> Option<f64> {
        if let Self::Float(number) = self { Some(*number) } else { None }
    }

    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The items, if it is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        if let Self::List(items) = self { Some(items) } else { None }
    }

    /// The entries, if it is a map.
    pub fn as_map(&self) -> Option<&Map> {
        if let Self::Map(entries) = self { Some(entries) } else { None }
    }

    /// The extension, if it is one.
    pub fn as_extension(&self) -> Option<&Extension> {
        if let Self::Extension(extension) = self { Some(extension) } else { None }
    }

    /// What kind of value it is, for errors.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a truth value",
            Self::Int(_) | Self::BigInt(_) => "an integer",
            Self::Float(_) => "a double",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
            Self::Extension(_) => "an extension",
        }
    }
}

macro_rules! from_small_integers {
    ($($small:ty),*) => {$(
        impl From<$small> for Value {
            fn from(number: $small) -> Self {
                Self::Int(number.into())
            }
        }
    )*};
}
from_small_integers!(i8, i16, i32, i64, u16, u32);

macro_rules! from_large_integers {
    ($($large:ty),*) => {$(
        impl From<$large> for Value {
            fn from(number: $large) -> Self {
                i64::try_from(number).map_or_else(|_| Self::BigInt(BigInt::from(number)), Self::Int)
            }
        }
    )*};
}
from_large_integers!(u64, i128, u128, isize, usize);

impl From<BigInt> for Value {
    fn from(number: BigInt) -> Self {
        i64::try_from(&number).map_or_else(|_| Self::BigInt(number), Self::Int)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

impl From<f32> for Value {
    fn from(number: f32) -> Self {
        Self::Float(number.into())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<()> for Value {
    fn from((): ()) -> Self {
        Self::Null
    }
}

impl From<Map> for Value {
    fn from(entries: Map) -> Self {
        Self::Map(entries)
    }
}

impl From<Extension> for Value {
    fn from(extension: Extension) -> Self {
        Self::Extension(Box::new(extension))
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        items.into_iter().collect()
    }
}

impl<T: Into<Value>, const N: usize> From<[T; N]> for Value {
    fn from(items: [T; N]) -> Self {
        items.into_iter().collect()
    }
}

impl<T: Into<Value> + Clone> From<&[T]> for Value {
    fn from(items: &[T]) -> Self {
        items.iter().cloned().collect()
    }
}

impl<T: Into<Value>> FromIterator<T> for Value {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }
}
