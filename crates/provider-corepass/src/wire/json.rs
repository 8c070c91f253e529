//! JSON objects as they came over the wire: members in order, each value as the bytes received.
//!
//! A signature covers bytes, and writing a value anew changes them (escapes, number spellings), so
//! nothing here decodes a value to encode it again. Only white space outside strings is dropped,
//! since what is signed is compact. Whoever reads a member decodes it with the readers below.
//! Invariant: within one [`Object`] no name occurs twice, also not under two spellings of the same
//! characters.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::Malformed;

/// How deep arrays and objects may stand in each other. The connector's bodies have three levels.
pub const MAX_DEPTH: usize = 8;
/// How many members an object may have. The connector's have at most seven.
pub const MAX_MEMBERS: usize = 64;

/// One member of an object.
#[derive(Clone)]
pub struct Member<'a> {
    /// The name as written, with its quotes and escapes.
    pub raw_name: Cow<'a, str>,
    /// The name it spells.
    pub name: String,
    /// The value as received, without white space outside strings.
    pub value: Cow<'a, str>,
}

/// An object whose members are kept in order.
#[derive(Clone, Default)]
pub struct Object<'a> {
    members: Vec<Member<'a>>,
}

impl<'a> Object<'a> {
    /// Reads one object and nothing after it.
    ///
    /// # Errors
    /// [`Malformed`]: not JSON, not an object, too deep, too many members, or a name twice.
    pub fn parse(body: &'a [u8]) -> Result<Self, Malformed> {
        let text = std::str::from_utf8(body).map_err(|_| Malformed::NotUtf8)?;
        refuse_depth(text)?;
        let raw: RawObject<'a> = serde_json::from_str(text).map_err(|_| Malformed::NotAnObject)?;
        let mut object = Self::default();
        for (raw_name, value) in raw.0 {
            let name = serde_json::from_str(raw_name).map_err(|_| Malformed::NotAnObject)?;
            object.push(Member {
                raw_name: Cow::Borrowed(raw_name),
                name,
                value: compact(value),
            })?;
        }
        Ok(object)
    }

    /// Adds a member at the end.
    ///
    /// # Errors
    /// [`Malformed`] when the name is there already, or the object is full.
    pub fn push(&mut self, member: Member<'a>) -> Result<(), Malformed> {
        if self.members.len() >= MAX_MEMBERS {
            return Err(Malformed::TooManyMembers);
        }
        if self.members.iter().any(|known| known.name == member.name) {
            return Err(Malformed::DuplicateName);
        }
        self.members.push(member);
        Ok(())
    }

    /// The members in wire order.
    #[must_use]
    pub fn members(&self) -> &[Member<'a>] {
        &self.members
    }

    /// The raw value of a member.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.members
            .iter()
            .find(|member| member.name == name)
            .map(|member| member.value.as_ref())
    }

    /// Decodes a member that has to be there.
    ///
    /// # Errors
    /// [`Malformed::Member`] with the name, when it is missing or of another type.
    pub fn read<T: DeserializeOwned>(&self, name: &'static str) -> Result<T, Malformed> {
        let raw = self.get(name).ok_or(Malformed::Member(name))?;
        serde_json::from_str(raw).map_err(|_| Malformed::Member(name))
    }

    /// Decodes a member that may be missing or null.
    ///
    /// # Errors
    /// [`Malformed::Member`] with the name, when it is of another type.
    pub fn read_optional<T: DeserializeOwned>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, Malformed> {
        match self.get(name) {
            None => Ok(None),
            Some(raw) => serde_json::from_str(raw).map_err(|_| Malformed::Member(name)),
        }
    }
}

/// The elements of an array, no more than `most`: a short text can hold very many.
///
/// # Errors
/// [`Malformed::Member`] with the name given, when the text is not an array of such elements, or of
/// too many.
pub fn elements<'a, T: Deserialize<'a>>(
    raw: &'a str,
    name: &'static str,
    most: usize,
) -> Result<Vec<T>, Malformed> {
    let mut json = serde_json::Deserializer::from_str(raw);
    let found = json
        .deserialize_seq(AtMost(most, PhantomData))
        .and_then(|found| json.end().map(|()| found));
    found.map_err(|_| Malformed::Member(name))
}

struct AtMost<T>(usize, PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for AtMost<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {} elements", self.0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut found = Vec::new();
        while let Some(element) = seq.next_element()? {
            if found.len() >= self.0 {
                return Err(A::Error::invalid_length(found.len(), &self));
            }
            found.push(element);
        }
        Ok(found)
    }
}

/// Refuses text that nests too deep, before a parser follows it there.
///
/// # Errors
/// [`Malformed::TooDeep`]. What is not JSON at all is left to the parser.
pub fn refuse_depth(text: &str) -> Result<(), Malformed> {
    let mut depth = 0_usize;
    let mut scan = Outside::default();
    for byte in text.bytes() {
        if !scan.step(byte) {
            continue;
        }
        match byte {
            b'{' | b'[' => depth = depth.saturating_add(1),
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(Malformed::TooDeep);
        }
    }
    Ok(())
}

/// Valid JSON without white space outside strings; nothing else changes.
#[must_use]
pub fn compact(json: &str) -> Cow<'_, str> {
    let mut scan = Outside::default();
    let is_space = |byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    if !json.bytes().any(|byte| scan.step(byte) && is_space(byte)) {
        return Cow::Borrowed(json);
    }
    let mut scan = Outside::default();
    let kept = json.chars().filter(|character| {
        // Characters beyond ASCII occur inside strings only, and are neither quote nor backslash.
        let byte = u8::try_from(*character).unwrap_or(b'x');
        !(scan.step(byte) && is_space(byte))
    });
    Cow::Owned(kept.collect())
}

/// Follows JSON text byte by byte, to tell what stands outside strings.
#[derive(Default)]
struct Outside {
    in_string: bool,
    escaped: bool,
}

impl Outside {
    /// Takes the next byte; says whether it stands outside a string (its opening quote does not).
    fn step(&mut self, byte: u8) -> bool {
        if !self.in_string {
            self.in_string = byte == b'"';
            return !self.in_string;
        }
        if self.escaped {
            self.escaped = false;
        } else if byte == b'\\' {
            self.escaped = true;
        } else if byte == b'"' {
            self.in_string = false;
        }
        false
    }
}

/// Names and values as written, in order, duplicates and all.
struct RawObject<'a>(Vec<(&'a str, &'a str)>);

impl<'de> Deserialize<'de> for RawObject<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = RawObject<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<&RawValue, &RawValue>()? {
                    members.push((name.get(), value.get()));
                    // The caller refuses it by name; this only keeps memory bounded.
                    if members.len() > MAX_MEMBERS {
                        while map
                            .next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?
                            .is_some()
                        {}
                        break;
                    }
                }
                Ok(RawObject(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(body: &str) -> Option<Malformed> {
        Object::parse(body.as_bytes()).err()
    }

    #[test]
    fn members_keep_their_order_and_their_bytes() {
        let body = r#" { "b" : "a\u0026 b" , "\u0061":[1.50e+2, {"x" : null}], "c":"é\/" } "#;
        let object = Object::parse(body.as_bytes()).unwrap();
        let seen: Vec<_> = object
            .members()
            .iter()
            .map(|member| (&*member.raw_name, &*member.name, &*member.value))
            .collect();
        assert_eq!(
            seen,
            [
                (r#""b""#, "b", r#""a\u0026 b""#),
                (r#""\u0061""#, "a", r#"[1.50e+2,{"x":null}]"#),
                (r#""c""#, "c", r#""é\/""#),
            ]
        );
    }

    #[test]
    fn a_name_twice_is_refused_however_it_is_spelt() {
        assert_eq!(refusal(r#"{"a":1,"a":1}"#), Some(Malformed::DuplicateName));
        assert_eq!(
            refusal(r#"{"a":1,"\u0061":2}"#),
            Some(Malformed::DuplicateName)
        );
    }

    #[test]
    fn deep_wide_and_broken_bodies_are_refused() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(8), "]".repeat(8));
        assert_eq!(refusal(&deep), Some(Malformed::TooDeep));
        let bottomless = "[".repeat(1_000_000);
        assert_eq!(refusal(&bottomless), Some(Malformed::TooDeep));
        let wide: Vec<_> = (0..=MAX_MEMBERS).map(|n| format!("\"{n}\":0")).collect();
        assert_eq!(
            refusal(&format!("{{{}}}", wide.join(","))),
            Some(Malformed::TooManyMembers)
        );
        for broken in [
            "",
            "[]",
            "{",
            "{}{}",
            "{\"a\":01}",
            "{\"a\":1,}",
            "{'a':1}",
            "\u{feff}{}",
        ] {
            assert_eq!(refusal(broken), Some(Malformed::NotAnObject), "{broken}");
        }
        assert_eq!(
            Object::parse(b"{\"a\":\"\xff\"}").err(),
            Some(Malformed::NotUtf8)
        );
    }

    #[test]
    fn brackets_inside_strings_are_no_depth() {
        let body = format!("{{\"a\":\"{}\\\"[[\"}}", "[".repeat(100));
        assert_eq!(refusal(&body), None);
    }

    #[test]
    fn a_member_is_read_as_its_type_or_refused_by_name() {
        let object = Object::parse(br#"{"n":7,"s":"x","z":null}"#).unwrap();
        assert_eq!(object.read::<i64>("n"), Ok(7));
        assert_eq!(object.read::<i64>("s"), Err(Malformed::Member("s")));
        assert_eq!(object.read::<i64>("gone"), Err(Malformed::Member("gone")));
        assert_eq!(object.read_optional::<String>("z"), Ok(None));
        assert_eq!(object.read_optional::<String>("gone"), Ok(None));
        assert_eq!(
            object.read_optional::<String>("n"),
            Err(Malformed::Member("n"))
        );
    }

    #[test]
    fn an_array_is_read_up_to_a_bound() {
        assert_eq!(elements::<i64>("[1,2]", "a", 2), Ok(vec![1, 2]));
        let raw = elements::<&RawValue>("[1.0,[ ]]", "a", 2).unwrap();
        assert_eq!([raw[0].get(), raw[1].get()], ["1.0", "[ ]"]);
        for wrong in ["[1,2,3]", "[1", "[1]x", "{}", "[\"x\"]", ""] {
            assert_eq!(
                elements::<i64>(wrong, "a", 2),
                Err(Malformed::Member("a")),
                "{wrong}"
            );
        }
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<i64>().prop_map(Into::into),
            "\\PC{0,8}".prop_map(Into::into),
            "[ \\\\\"\\[\\]{}\n\t]{0,8}".prop_map(Into::into),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::btree_map("\\PC{0,4}", inner, 0..4)
                    .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_answered(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Object::parse(&body);
        }

        #[test]
        fn compacting_pretty_json_gives_what_compact_writing_gives(json in any_json()) {
            let pretty = serde_json::to_string_pretty(&json).unwrap();
            let plain = serde_json::to_string(&json).unwrap();
            prop_assert_eq!(compact(&pretty), plain.as_str());
            prop_assert!(matches!(compact(&plain), Cow::Borrowed(_)));
        }
    }
}
