//! The rules of OpenID Identity Assurance `verified_claims`, as far as documents are its evidence.
//!
//! Written from the published text: *OpenID Identity Assurance Schema Definition 1.0* (sections on the
//! base, claims, verification and evidence elements), *OpenID Attachments 1.0*, and the JSON schema
//! `verified_claims.json` that the working group publishes beside them. Where the text leaves
//! sub-elements open and the JSON schema closes them, they are closed here.

use serde_json::{Map, Value};

/// Every rule that a JSON object with `verified_claims` breaks.
pub fn faults(json: &Value) -> Vec<String> {
    let mut check = Check::default();
    match json.get("verified_claims") {
        Some(Value::Array(several)) => {
            for (place, one) in several.iter().enumerate() {
                check.element(&format!("[{place}]"), one);
            }
        }
        Some(one) => check.element("", one),
        None => check.fault("", "has no verified_claims"),
    }
    check.faults
}

#[derive(Default)]
struct Check {
    faults: Vec<String>,
}

impl Check {
    fn fault(&mut self, at: &str, what: &str) {
        self.faults.push(format!("{at}: {what}"));
    }

    /// An object that has these members, and of others only the optional ones.
    fn object(
        &mut self,
        at: &str,
        value: &Value,
        required: &[&str],
        optional: Option<&[&str]>,
    ) -> Map<String, Value> {
        let Value::Object(members) = value else {
            self.fault(at, "is no object");
            return Map::new();
        };
        for name in required {
            if !members.contains_key(*name) {
                self.fault(at, &format!("lacks {name}"));
            }
        }
        for name in members.keys() {
            let known = |optional: &[&str]| optional.contains(&name.as_str());
            if optional.is_some_and(|o| !known(o) && !required.contains(&name.as_str())) {
                self.fault(at, &format!("has {name}, which is not defined"));
            }
        }
        members.clone()
    }

    /// An array of at least one.
    fn array(&mut self, at: &str, value: Option<&Value>) -> Vec<(String, Value)> {
        match value {
            None => Vec::new(),
            Some(Value::Array(items)) if !items.is_empty() => items
                .iter()
                .enumerate()
                .map(|(place, item)| (format!("{at}[{place}]"), item.clone()))
                .collect(),
            Some(_) => {
                self.fault(at, "is no array of at least one");
                Vec::new()
            }
        }
    }

    /// Texts, where they are there.
    fn texts(&mut self, at: &str, members: &Map<String, Value>, names: &[&str]) {
        for name in names {
            self.like(at, members, name, |_| true);
        }
    }

    fn like(
        &mut self,
        at: &str,
        members: &Map<String, Value>,
        name: &str,
        fits: impl Fn(&str) -> bool,
    ) {
        let fits = members
            .get(name)
            .is_none_or(|value| value.as_str().is_some_and(&fits));
        if !fits {
            self.fault(at, &format!("{name} is not as it should be"));
        }
    }

    fn element(&mut self, at: &str, value: &Value) {
        let members = self.object(at, value, &["verification", "claims"], Some(&[]));
        if let Some(claims) = members.get("claims") {
            self.claims(&format!("{at}.claims"), claims);
        }
        let Some(verification) = members.get("verification") else {
            return;
        };
        let at = format!("{at}.verification");
        // Extensions may add to it.
        let members = self.object(&at, verification, &["trust_framework"], None);
        let texts = ["trust_framework", "assurance_level", "verification_process"];
        self.texts(&at, &members, &texts);
        self.like(&at, &members, "time", is_date_time);
        if let Some(process) = members.get("assurance_process") {
            let at = format!("{at}.assurance_process");
            let known = ["policy", "procedure", "assurance_details"];
            let members = self.object(&at, process, &[], Some(&known));
            self.texts(&at, &members, &["policy", "procedure"]);
        }
        for (at, evidence) in self.array(&format!("{at}.evidence"), members.get("evidence")) {
            self.evidence(&at, &evidence);
        }
    }

    /// One at least; standard claims where they are there; others are free.
    fn claims(&mut self, at: &str, value: &Value) {
        let members = self.object(at, value, &[], None);
        if members.is_empty() {
            self.fault(at, "is empty");
        }
        self.texts(at, &members, &["name", "gender", "email", "phone_number"]);
        self.like(at, &members, "birthdate", is_date);
    }

    fn evidence(&mut self, at: &str, value: &Value) {
        let members = self.object(at, value, &["type"], None);
        self.like(at, &members, "type", |kind| {
            let kinds = [
                "document",
                "electronic_record",
                "vouch",
                "electronic_signature",
            ];
            kinds.contains(&kind)
        });
        if let Some(details) = members.get("document_details") {
            self.document(&format!("{at}.document_details"), details);
        }
        for (at, check) in self.array(&format!("{at}.check_details"), members.get("check_details"))
        {
            let optional = ["organization", "check_id", "time"];
            let members = self.object(&at, &check, &["check_method"], Some(&optional));
            self.texts(&at, &members, &["check_method", "organization", "check_id"]);
            self.like(&at, &members, "time", is_date_time);
        }
        for (at, piece) in self.array(&format!("{at}.attachments"), members.get("attachments")) {
            self.attachment(&at, &piece);
        }
    }

    fn document(&mut self, at: &str, value: &Value) {
        let optional = [
            "document_number",
            "serial_number",
            "date_of_issuance",
            "date_of_expiry",
            "issuer",
        ];
        let members = self.object(at, value, &["type"], Some(&optional));
        self.texts(at, &members, &["type", "document_number", "serial_number"]);
        self.like(at, &members, "date_of_issuance", is_date);
        self.like(at, &members, "date_of_expiry", is_date);
        if let Some(issuer) = members.get("issuer") {
            let at = format!("{at}.issuer");
            let known = [
                "name",
                "formatted",
                "street_address",
                "locality",
                "region",
                "postal_code",
                "country",
                "country_code",
                "jurisdiction",
            ];
            let members = self.object(&at, issuer, &[], Some(&known));
            self.texts(&at, &members, &known);
            self.like(&at, &members, "country_code", |code| {
                (2..=3).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_uppercase())
            });
        }
    }

    fn attachment(&mut self, at: &str, value: &Value) {
        if value.get("content").is_some() {
            let optional = ["desc", "type"];
            let required = ["content_type", "content"];
            let members = self.object(at, value, &required, Some(&optional));
            self.texts(at, &members, &["content_type", "desc", "type"]);
            self.like(at, &members, "content", is_base64);
            return;
        }
        let optional = ["desc", "type", "access_token", "exp"];
        let members = self.object(at, value, &["url", "digest"], Some(&optional));
        self.texts(at, &members, &["desc", "type"]);
        self.like(at, &members, "url", |url| {
            let scheme = url
                .split_once(':')
                .map(|(scheme, rest)| (scheme, !rest.is_empty()));
            scheme.is_some_and(|(scheme, rest)| {
                rest && scheme.bytes().all(|b| b.is_ascii_alphanumeric())
            })
        });
        let token = members.get("access_token");
        if token.is_some_and(|token| !token.is_null() && !token.is_string()) {
            self.fault(at, "access_token is neither a text nor null");
        }
        if let Some(digest) = members.get("digest") {
            let at = format!("{at}.digest");
            let members = self.object(&at, digest, &["alg", "value"], Some(&[]));
            self.texts(&at, &members, &["alg"]);
            self.like(&at, &members, "value", is_base64);
        }
    }
}

fn is_date(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').map(str::len).collect();
    parts == [4, 2, 2] && verilane_core::Date::parse(text).is_some()
}

/// `YYYY-MM-DDThh:mm:ss` with `Z` or an offset, as both ISO 8601 and RFC 3339 have it.
fn is_date_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once('T') else {
        return false;
    };
    let zoned = time.strip_suffix('Z').or_else(|| {
        let (time, zone) = time.split_at_checked(time.len().checked_sub(6)?)?;
        let zone: Vec<_> = zone.get(1..)?.split(':').map(str::len).collect();
        (zone == [2, 2]).then_some(time)
    });
    let below = |part: &str, most: u8| part.len() == 2 && part.parse().is_ok_and(|n: u8| n < most);
    is_date(date)
        && zoned.is_some_and(|time| match time.split(':').collect::<Vec<_>>()[..] {
            [hour, minute, second] => {
                below(hour, 24) && below(minute, 60) && below(second.get(..2).unwrap_or(""), 60)
            }
            _ => false,
        })
}

fn is_base64(text: &str) -> bool {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD.decode(text);
    bytes.is_ok_and(|bytes| !bytes.is_empty())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// One that has everything.
    fn sound() -> Value {
        json!({
            "verified_claims": {
                "verification": {
                    "trust_framework": "a_framework",
                    "assurance_level": "low",
                    "assurance_process": { "policy": "a policy", "procedure": "a procedure" },
                    "time": "2024-02-29T23:59:59Z",
                    "verification_process": "513645-e44b",
                    "evidence": [{
                        "type": "document",
                        "check_details": [{
                            "check_method": "vpip",
                            "organization": "an office",
                            "check_id": "1",
                            "time": "2024-02-29T12:00:00+01:00",
                        }],
                        "document_details": {
                            "type": "idcard",
                            "document_number": "53554554",
                            "date_of_issuance": "2020-01-01",
                            "date_of_expiry": "2030-01-01",
                            "issuer": { "country": "DE", "country_code": "DEU" },
                        },
                        "attachments": [
                            { "desc": "front", "content_type": "image/png", "content": "AAAA" },
                            {
                                "url": "https://example.com/a",
                                "access_token": null,
                                "digest": { "alg": "sha-256", "value": "AAAA" },
                            },
                        ],
                    }],
                },
                "claims": { "name": "Max Meier", "birthdate": "1956-01-28", "age_over_18": true },
            }
        })
    }

    #[test]
    fn what_keeps_the_rules_passes_alone_and_in_an_array() {
        let mut sound = sound();
        assert_eq!(faults(&sound), [""; 0]);
        let one = sound["verified_claims"].take();
        assert_eq!(
            faults(&json!({ "verified_claims": [one.clone(), one] })),
            [""; 0]
        );
        assert_eq!(faults(&json!({ "verified_claims": [] })), [""; 0]);
    }

    #[test]
    fn each_broken_rule_is_noticed() {
        let verification = "/verified_claims/verification";
        let evidence = "/verified_claims/verification/evidence/0";
        let put = [
            ("/verified_claims", "extra", json!(1)),
            ("/verified_claims", "claims", json!([])),
            ("/verified_claims", "claims", json!({})),
            ("/verified_claims/claims", "birthdate", json!("1956-1-28")),
            ("/verified_claims/claims", "name", json!(null)),
            (verification, "time", json!("2024-02-29")),
            (verification, "time", json!("2024-02-30T00:00:00Z")),
            (verification, "time", json!("2024-02-29T24:00:00Z")),
            (verification, "evidence", json!([])),
            (verification, "trust_framework", json!(7)),
            (verification, "assurance_process", json!({ "other": "x" })),
            (evidence, "type", json!("hearsay")),
            (evidence, "check_details", json!([])),
            (evidence, "check_details", json!([{ "check_id": "1" }])),
            (
                evidence,
                "document_details",
                json!({ "document_number": "1" }),
            ),
            (
                evidence,
                "document_details",
                json!({ "type": "idcard", "number": "1" }),
            ),
            (
                evidence,
                "document_details",
                json!({ "type": "idcard", "date_of_expiry": "01.01.2030" }),
            ),
            (
                evidence,
                "document_details",
                json!({ "type": "idcard", "issuer": { "country_code": "Germany" } }),
            ),
            (
                evidence,
                "attachments",
                json!([{ "url": "https://example.com/a" }]),
            ),
            (
                evidence,
                "attachments",
                json!([{ "digest": { "alg": "sha-256", "value": "AAAA" } }]),
            ),
            (
                evidence,
                "attachments",
                json!([{ "url": "a:b", "digest": { "alg": "sha-256", "value": "00ff!" } }]),
            ),
        ];
        for (at, name, value) in put {
            let mut broken = sound();
            broken.pointer_mut(at).unwrap()[name] = value.clone();
            assert!(!faults(&broken).is_empty(), "{at}/{name}: {value}");
        }
        for (at, name) in [
            ("/verified_claims", "verification"),
            ("/verified_claims", "claims"),
            (verification, "trust_framework"),
            (evidence, "type"),
        ] {
            let mut broken = sound();
            let members = broken.pointer_mut(at).unwrap().as_object_mut().unwrap();
            members.remove(name).unwrap();
            assert!(!faults(&broken).is_empty(), "without {at}/{name}");
        }
        assert!(!faults(&json!({})).is_empty());
    }
}
