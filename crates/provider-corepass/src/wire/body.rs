//! From an HTTP body to the JSON text it carries.
//!
//! The document announces data callbacks as `multipart/form-data` and shows plain JSON, so three
//! shapes are read: JSON under any content type; multipart with a part for each member; multipart
//! with one part that holds the whole JSON. For the second there is no JSON on the wire: it is
//! written compactly in part order, strings as Go writes them, numbers and arrays as they came.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream;
use multer::{Constraints, Multipart, SizeLimit};
use serde_json::value::RawValue;

use super::{Malformed, go, json};

/// Members that hold text.
const TEXTS: [&str; 5] = ["user", "signature", "status", "error", "tx_hash"];
/// Members that hold whole seconds.
const NUMBERS: [&str; 2] = ["deadline", "expiration"];
/// Members that hold JSON arrays.
const ARRAYS: [&str; 3] = ["infos", "items", "fields"];

/// The JSON text in a body.
///
/// # Errors
/// [`Malformed`] when the body is declared as multipart and is not, or a part can't stand for the
/// member that it names. What is not multipart is returned as it is, JSON or not.
pub fn json_text(content_type: Option<&str>, body: &Bytes) -> Result<Bytes, Malformed> {
    if !is_multipart(content_type) || starts_as_object(body) {
        return Ok(body.clone());
    }
    let boundary = multer::parse_boundary(content_type.unwrap_or_default())
        .map_err(|_| Malformed::Multipart)?;
    let mut parts = parts(body.clone(), boundary)?;
    match parts.as_slice() {
        [] => Err(Malformed::Multipart),
        [(_, only)] if starts_as_object(only) => {
            Ok(parts.pop().map(|(_, only)| only).unwrap_or_default())
        }
        several => rebuild(several).map(Bytes::from),
    }
}

fn is_multipart(content_type: Option<&str>) -> bool {
    content_type
        .and_then(|text| text.trim_start().get(..10))
        .is_some_and(|start| start.eq_ignore_ascii_case("multipart/"))
}

fn starts_as_object(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"{")
}

/// Names and contents, in order.
fn parts(body: Bytes, boundary: String) -> Result<Vec<(String, Bytes)>, Malformed> {
    let limit = u64::try_from(body.len()).unwrap_or(u64::MAX);
    let limits = Constraints::new().size_limit(SizeLimit::new().whole_stream(limit));
    let stream = stream::iter([Ok::<_, std::convert::Infallible>(body)]);
    let mut multipart = Multipart::with_constraints(stream, boundary, limits);
    let read = async move {
        let mut parts = Vec::new();
        while let Some(field) = multipart.next_field().await? {
            let name = field.name().map(str::to_owned);
            parts.push((name, field.bytes().await?));
            if parts.len() > json::MAX_MEMBERS {
                break;
            }
        }
        Ok::<_, multer::Error>(parts)
    };
    // The whole body is in memory, so nothing is ever waited for.
    let parts = match read.now_or_never() {
        Some(Ok(parts)) => parts,
        Some(Err(_)) | None => return Err(Malformed::Multipart),
    };
    if parts.len() > json::MAX_MEMBERS {
        return Err(Malformed::TooManyMembers);
    }
    parts
        .into_iter()
        .map(|(name, bytes)| Ok((name.ok_or(Malformed::Multipart)?, bytes)))
        .collect()
}

fn rebuild(parts: &[(String, Bytes)]) -> Result<String, Malformed> {
    let mut out = String::from("{");
    for (place, (name, content)) in parts.iter().enumerate() {
        let text = std::str::from_utf8(content).map_err(|_| Malformed::NotUtf8)?;
        if place > 0 {
            out.push(',');
        }
        go::push_string(&mut out, name);
        out.push(':');
        push_value(&mut out, name, text)?;
    }
    out.push('}');
    Ok(out)
}

fn push_value(out: &mut String, name: &str, text: &str) -> Result<(), Malformed> {
    if TEXTS.contains(&name) {
        go::push_string(out, text);
        return Ok(());
    }
    let raw = raw_json(text);
    let known = NUMBERS
        .into_iter()
        .find(|known| *known == name)
        .map(|known| (known, false))
        .or_else(|| {
            let known = ARRAYS.into_iter().find(|known| *known == name)?;
            Some((known, true))
        });
    match (known, raw) {
        (Some((known, is_array)), raw) => match raw {
            Some(json) if json.starts_with('[') == is_array && !json.starts_with('{') => {
                out.push_str(json);
                Ok(())
            }
            _ => Err(Malformed::Member(known)),
        },
        // A member that we don't know: what can be a number or a structure is taken as one.
        (None, Some(json)) => {
            out.push_str(json);
            Ok(())
        }
        (None, None) => {
            go::push_string(out, text);
            Ok(())
        }
    }
}

/// The text as it is, if it is one JSON number, array or object, and not too deep.
fn raw_json(text: &str) -> Option<&str> {
    let starts_well = text
        .trim_start()
        .starts_with(|first: char| matches!(first, '[' | '{' | '-') || first.is_ascii_digit());
    if !starts_well || json::refuse_depth(text).is_err() {
        return None;
    }
    serde_json::from_str::<&RawValue>(text)
        .ok()
        .map(RawValue::get)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=XX";

    fn form(parts: &[(&str, &str)]) -> Bytes {
        let mut body = String::new();
        for (name, value) in parts {
            body.push_str(&format!(
                "--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            ));
        }
        body.push_str("--XX--\r\n");
        Bytes::from(body)
    }

    fn text_of(parts: &[(&str, &str)]) -> Result<String, Malformed> {
        json_text(Some(TYPE), &form(parts)).map(|text| String::from_utf8(text.to_vec()).unwrap())
    }

    #[test]
    fn json_is_taken_as_it_is_under_any_content_type() {
        let body = Bytes::from_static(b" {\"user\": \"x\"}");
        for content_type in [
            None,
            Some("application/json"),
            Some("text/plain"),
            Some(TYPE),
        ] {
            assert_eq!(json_text(content_type, &body), Ok(body.clone()));
        }
    }

    #[test]
    fn a_part_for_each_member_is_rebuilt_in_part_order() {
        let text = text_of(&[
            ("user", "ab<&>"),
            ("infos", r#"[{"fieldID":"A", "pepper":"\u0026"}]"#),
            ("deadline", "1667137346"),
            ("more", "some \"text\""),
            ("count", "12"),
            ("signature", "12"),
        ]);
        assert_eq!(
            text.unwrap(),
            r#"{"user":"ab\u003c\u0026\u003e","infos":[{"fieldID":"A", "pepper":"\u0026"}],"deadline":1667137346,"more":"some \"text\"","count":12,"signature":"12"}"#
        );
    }

    #[test]
    fn one_part_may_hold_the_whole_json() {
        let whole = r#"{"user":"x", "deadline":1}"#;
        assert_eq!(text_of(&[("data", whole)]).unwrap(), whole);
    }

    #[test]
    fn a_part_cannot_smuggle_members_in() {
        for wrong in [r#"1,"user":"y""#, "x", "", "[1]", "{}", "01"] {
            assert_eq!(
                text_of(&[("user", "x"), ("deadline", wrong)]),
                Err(Malformed::Member("deadline")),
                "{wrong}"
            );
        }
        for wrong in ["[1],[2]", "{}", "1", ""] {
            assert_eq!(
                text_of(&[("user", "x"), ("infos", wrong)]),
                Err(Malformed::Member("infos")),
                "{wrong}"
            );
        }
    }

    #[test]
    fn broken_multipart_is_refused() {
        let good = form(&[("user", "x"), ("deadline", "1")]);
        let cut = good.slice(..good.len() - 12);
        assert_eq!(json_text(Some(TYPE), &cut), Err(Malformed::Multipart));
        for wrong in ["multipart/form-data", "multipart/mixed; boundary=XX"] {
            assert_eq!(json_text(Some(wrong), &good), Err(Malformed::Multipart));
        }
        let nameless = Bytes::from_static(b"--XX\r\nA: b\r\n\r\nx\r\n--XX--\r\n");
        assert_eq!(json_text(Some(TYPE), &nameless), Err(Malformed::Multipart));
        let none = Bytes::from_static(b"--XX--\r\n");
        assert_eq!(json_text(Some(TYPE), &none), Err(Malformed::Multipart));
        let latin = Bytes::from_static(
            b"--XX\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\n\xe9\r\n--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--XX--\r\n",
        );
        assert_eq!(json_text(Some(TYPE), &latin), Err(Malformed::NotUtf8));
    }

    #[test]
    fn more_parts_than_an_object_may_have_members_are_refused() {
        let names: Vec<_> = (0..=json::MAX_MEMBERS).map(|n| n.to_string()).collect();
        let parts: Vec<_> = names.iter().map(|name| (name.as_str(), "x")).collect();
        assert_eq!(text_of(&parts), Err(Malformed::TooManyMembers));
    }

    proptest! {
        #[test]
        fn arbitrary_parts_are_answered(
            parts in prop::collection::vec(any::<u8>(), 0..300),
            content_type in "(multipart/form-data; boundary=XX|multipart/.{0,20}|.{0,20})",
        ) {
            let mut body = b"--XX\r\n".to_vec();
            body.extend(parts);
            let _ = json_text(Some(&content_type), &Bytes::from(body));
        }
    }
}
