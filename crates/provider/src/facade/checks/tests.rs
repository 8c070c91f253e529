//! Each check with what passes and what does not.

use verilane_core::{
    CallbackChannel, ClaimName, ClaimRequest, ClaimSelector, DocumentType, ProviderName, Whose,
};

use super::*;
use crate::{
    ActionLifetime, Candidate, DataItem, EvidenceOffer, FailureReport, OfferedClaim, Unshown,
};

const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

fn offered(field: &'static str) -> OfferedClaim {
    OfferedClaim {
        name: ClaimName::Email,
        document: None,
        field,
    }
}

fn some_profile() -> Profile {
    Profile {
        provider: ProviderName::new("fake").unwrap(),
        capabilities: Vec::new(),
        claims: vec![offered("A"), offered("B")],
        action_lifetime: ActionLifetime {
            min: minutes(5),
            max: minutes(15),
            default: minutes(10),
        },
        needs_subject: true,
        holds_one_request: true,
        pace: None,
        scopes: &[],
    }
}

fn some_prepared(fields: &[&str]) -> Prepared {
    let claim = |field: &&str| Wish::for_field(ClaimName::Email, None, field, true);
    Prepared {
        besides: Vec::new(),
        subject: Pii::from("u"),
        claims: fields.iter().map(claim).collect(),
        action_lifetime: minutes(10),
        retention: None,
    }
}

fn some_request(claims: usize) -> StartRequest {
    let claim = ClaimRequest {
        selector: ClaimSelector::ProviderField("A".into()),
        required: true,
    };
    StartRequest {
        scope: None,
        subject: Pii::from("u"),
        claims: vec![claim; claims],
        action_lifetime: None,
    }
}

fn some_started(link: &str, expire_time: Timestamp, png: Option<&[u8]>) -> Started {
    Started {
        action: Action::QrOrLink(QrOrLink {
            link: Pii::from(link),
            qr_png: png.map(|bytes| Pii::new(bytes.to_vec())),
            expire_time,
        }),
        already_open: false,
    }
}

#[test]
fn a_profile_must_make_sense() {
    assert_eq!(profile(&some_profile()), Ok(()));
    let mut twice = some_profile();
    twice.claims.push(offered("A"));
    assert!(profile(&twice).is_err());
    let mut derived = some_profile();
    derived.claims[1].name = ClaimName::AgeOver18;
    assert!(profile(&derived).is_err());
    let mut upside_down = some_profile();
    upside_down.action_lifetime.min = minutes(11);
    assert!(profile(&upside_down).is_err());
}

#[test]
fn a_claim_that_stands_on_no_certain_document_can_come_from_any() {
    let mut offers = some_profile();
    offers.claims[0].name = ClaimName::Birthdate;
    offers.claims[1] = OfferedClaim {
        name: ClaimName::Birthdate,
        document: Some(DocumentType::Passport),
        field: "B",
    };
    let check = |field: &str, document| {
        let wish = Wish::for_field(ClaimName::Birthdate, document, field, true);
        let wish = Prepared {
            claims: vec![wish],
            ..some_prepared(&[])
        };
        prepared(&offers, &some_request(1), &wish).is_ok()
    };
    for document in DocumentType::ALL {
        assert!(check("A", Some(*document)));
        let is_its_own = *document == DocumentType::Passport;
        assert_eq!(check("B", Some(*document)), is_its_own, "{document}");
    }
    assert!(check("A", None) && !check("B", None));
}

#[test]
fn what_was_prepared_is_what_was_asked_for_offered_and_in_time() {
    let offers = some_profile();
    let check = |claims: usize, wish: &Prepared| prepared(&offers, &some_request(claims), wish);
    assert_eq!(check(2, &some_prepared(&["B", "A"])), Ok(()));
    for fields in [&["A", "B"][..], &["C"], &[]] {
        assert!(check(1, &some_prepared(fields)).is_err(), "{fields:?}");
    }
    for lifetime in [minutes(4), minutes(16)] {
        let mut wrong = some_prepared(&["A"]);
        wrong.action_lifetime = lifetime;
        assert!(check(1, &wrong).is_err());
    }
    for (subject, needs_subject, is_one) in [
        ("", true, false),
        ("", false, true),
        ("\u{0}", false, false),
    ] {
        let mut somebody = some_prepared(&["A"]);
        somebody.subject = Pii::from(subject);
        let offers = Profile {
            needs_subject,
            ..some_profile()
        };
        let outcome = prepared(&offers, &some_request(1), &somebody);
        assert_eq!(outcome.is_ok(), is_one, "{subject:?}");
    }
    let changes: [fn(&mut Wish); 5] = [
        |wish| wish.required = false,
        |wish| wish.name = ClaimName::PhoneNumber,
        |wish| wish.sources.clear(),
        |wish| wish.sources.push(wish.sources[0].clone()),
        |wish| wish.sources[0].document = Some(DocumentType::Passport),
    ];
    for change in changes {
        let mut wrong = some_prepared(&["A"]);
        change(&mut wrong.claims[0]);
        assert!(check(1, &wrong).is_err(), "{:?}", wrong.claims);
    }
}

#[test]
fn a_plug_in_may_require_what_the_caller_can_do_without() {
    let mut optional = some_request(1);
    optional.claims[0].required = false;
    let mut given = some_prepared(&["A"]);
    given.besides = some_prepared(&["B"]).claims;
    assert_eq!(prepared(&some_profile(), &optional, &given), Ok(()));
    given.besides = some_prepared(&["C"]).claims;
    assert!(prepared(&some_profile(), &optional, &given).is_err());
}

#[test]
fn a_wish_names_nobody_or_somebody_and_something() {
    let wish = |subject: &str, claims: usize| StartRequest {
        scope: None,
        subject: Pii::from(subject),
        claims: vec![
            verilane_core::ClaimRequest {
                selector: verilane_core::ClaimSelector::ProviderField("A".into()),
                required: true,
            };
            claims
        ],
        action_lifetime: None,
    };
    assert!(request(&some_profile(), &wish("u", 1)).is_ok());
    let nameless = Profile {
        needs_subject: false,
        ..some_profile()
    };
    assert!(request(&nameless, &wish("", 1)).is_ok());
    assert!(request(&some_profile(), &wish("", 1)).is_err());
    for (subject, claims, fields) in [
        ("a\nb", 1, vec!["subject"]),
        (&"x".repeat(513), 1, vec!["subject"]),
        ("u", 0, vec!["claims"]),
        ("u", 129, vec!["claims"]),
        ("a\nb", 0, vec!["subject", "claims"]),
    ] {
        let violations = request(&some_profile(), &wish(subject, claims)).unwrap_err();
        let named: Vec<_> = violations.iter().map(|v| v.field.as_str()).collect();
        assert_eq!(named, fields);
    }
}

#[test]
fn only_fields_asked_about_are_held() {
    let asked = some_prepared(&["A", "B"]);
    let answer = |held: &[&str]| {
        let held = held.iter().map(|field| (*field).to_owned()).collect();
        availability(&asked, Availability { held })
    };
    assert_eq!(answer(&["B", "A", "B"]).unwrap().held, ["A", "B"]);
    assert!(answer(&[]).unwrap().held.is_empty());
    assert!(answer(&["A", "C"]).is_err());
}

#[test]
fn a_link_goes_somewhere_and_runs_nothing() {
    let check = |link: &str| started(NOW, &some_profile(), &some_started(link, NOW, None));
    for link in [
        "corepass:request/x?a=b",
        "https://example.com/x",
        "a1+b-c.d:x",
    ] {
        assert!(check(link).is_ok(), "{link}");
    }
    let too_long = format!("https:{}", "x".repeat(MAX_LINK));
    for link in [
        "",
        "x",
        ":x",
        "1a:x",
        "https:",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:,x",
        "https://a b",
        "https://a\nb",
        "ht\u{7f}tps:x",
        &too_long,
    ] {
        assert!(check(link).is_err(), "{link}");
    }
}

#[test]
fn a_picture_that_is_no_png_of_bounded_size_is_dropped_and_its_action_stands() {
    let is_kept = |png: &[u8]| {
        let mut started = some_started("a:b", NOW, Some(png));
        let dropped = drop_bad_picture(&mut started);
        let Action::QrOrLink(action) = started.action else {
            panic!("another kind of action");
        };
        assert_eq!(dropped, action.qr_png.is_none());
        !dropped
    };
    assert!(is_kept(b"\x89PNG\r\n\x1a\nrest"));
    assert!(!is_kept(b""));
    assert!(!is_kept(b"GIF89a"));
    let mut huge = PNG_MAGIC.to_vec();
    huge.resize(MAX_PNG + 1, 0);
    assert!(!is_kept(&huge));
    assert!(!drop_bad_picture(&mut some_started("a:b", NOW, None)));
}

#[test]
fn an_expiry_lies_near_now() {
    let check = |at: Timestamp| started(NOW, &some_profile(), &some_started("a:b", at, None));
    assert!(check(NOW + minutes(15)).is_ok());
    assert!(check(NOW - minutes(60)).is_ok());
    assert!(check(NOW + minutes(21)).is_err());
    assert!(check(NOW - minutes(25 * 60)).is_err());
    // Milliseconds taken for seconds.
    assert!(check(Timestamp::from_secs(1_700_000_000_000)).is_err());
}

fn callback() -> Callback {
    Callback {
        channel: CallbackChannel::Data,
        content_type: None,
        body: bytes::Bytes::new(),
        receive_time: NOW,
        candidates: vec![Candidate {
            subject: Pii::from("u"),
            fields: ["A".into(), "B".into()].into(),
            start_time: NOW,
            requested_expiry: NOW,
            expire_time: None,
            is_cancelled: false,
            was_taken: true,
        }],
    }
}

fn some_reading(report: Report) -> Reading {
    Reading {
        candidate: 0,
        report,
        provider_time: None,
        is_late: false,
        key_fingerprint: "00ff".into(),
        encoding: "wire",
    }
}

fn item(field: &str, value: String) -> DataItem {
    DataItem {
        checks: None,
        field: field.into(),
        value: Pii::new(value),
        pepper: None,
        image: None,
    }
}

fn data(items: Vec<DataItem>) -> Report {
    Report::Data(DataReport {
        items,
        unrequested: 0,
    })
}

#[test]
fn data_holds_only_what_was_asked_for_and_each_field_once() {
    let check = |report| reading(&callback(), some_reading(report)).map(drop);
    let value = || "v".to_owned();
    assert_eq!(
        check(data(vec![item("B", value()), item("A", value())])),
        Ok(())
    );
    assert_eq!(check(data(Vec::new())), Ok(()));
    let wrong = [
        vec![item("C", value())],
        vec![item("A", value()), item("A", value())],
        vec![item("A", "x".repeat(MAX_VALUE + 1))],
    ];
    for items in wrong {
        assert_eq!(
            check(data(items)),
            Err(Refusal::from(Reason::CallbackMalformed))
        );
    }
}

#[test]
fn a_report_is_about_an_attempt_that_was_offered() {
    let mut astray = some_reading(data(Vec::new()));
    astray.candidate = 1;
    assert_eq!(
        reading(&callback(), astray).map(drop),
        Err(Refusal::from(Reason::CallbackAttemptUnknown))
    );
}

#[test]
fn words_are_short_and_printable() {
    let status = |status: &'static str, identity: &str| {
        Report::Status(StatusReport {
            status: status.into(),
            identity: identity.into(),
            occurrence: None,
            rank: 1,
            fact: None,
            tx_hash: None,
        })
    };
    let check = |report| reading(&callback(), some_reading(report)).is_ok();
    assert!(check(status("PENDING", "PENDING")));
    assert!(!check(status("", "PENDING")));
    assert!(!check(status("A\nB", "PENDING")));
    assert!(!check(status("PENDING", &"x".repeat(129))));
    let failure = |word: &'static str| {
        Report::Failure(FailureReport {
            status: word.into(),
            rank: 0,
            identity: "failure".into(),
            fact: verilane_core::Fact::Failed(Reason::ProviderFailed),
        })
    };
    assert!(check(failure("OTHER")));
    assert!(!check(failure("\u{1b}[31m")));
    let mut nameless = some_reading(failure("OTHER"));
    nameless.key_fingerprint = String::new();
    assert!(reading(&callback(), nameless).is_err());
}

#[test]
fn a_history_is_bounded_and_what_can_not_be_is_left_out_of_it_alone() {
    let entry = |status: &'static str, seconds: u64| HistoryEntry {
        report: StatusReport {
            status: status.into(),
            identity: status.to_owned(),
            occurrence: None,
            rank: 1,
            fact: None,
            tx_hash: None,
        },
        provider_time: NOW + Duration::from_secs(seconds),
        is_news: true,
    };
    // How many are kept, and how many are not.
    let counted = |entries: &[HistoryEntry]| {
        let checked = history(NOW, entries.to_vec());
        checked.map(|(kept, left_out)| (kept.len(), left_out)).ok()
    };
    assert_eq!(counted(&[]), Some((0, 0)));
    let good = entry("PENDING", 0);
    assert_eq!(
        counted(&[entry("PENDING", 300), good.clone()]),
        Some((2, 0))
    );
    let mut hashed = good.clone();
    hashed.report.tx_hash = Some(Pii::from("0x\n"));
    for odd in [entry("PENDING", 301), entry("", 0), hashed] {
        assert_eq!(counted(&[good.clone(), odd, good.clone()]), Some((2, 1)));
    }
    let long = vec![good; MAX_HISTORY + 1];
    assert_eq!(counted(&long), None);
    assert_eq!(counted(&long[1..]), Some((MAX_HISTORY, 0)));
}

#[test]
fn a_look_shows_words_and_what_was_asked_for() {
    let answer = || LookAnswer {
        status: "verification-success".into(),
        rank: 3,
        fact: None,
        progress: Some("documents-collected".into()),
        unshown: Unshown::default(),
        whose: Whose::Theirs,
        data: None,
        document: None,
        links: vec!["B-2".to_owned()],
        offers: vec![EvidenceOffer {
            field: "A".to_owned(),
            link: Pii::from("https://storage.example/a"),
        }],
        message: Pii::new(Vec::new()),
        media_type: "application/json".to_owned(),
    };
    let check = |answer: &LookAnswer| {
        let request = LookRequest {
            reference: &Pii::from("r"),
            subject: &Pii::from("u"),
            fields: &["A"],
        };
        look(&request, answer).is_ok()
    };
    assert!(check(&answer()));
    let item = |field: &str| DataItem {
        checks: None,
        field: field.to_owned(),
        value: Pii::from("x"),
        pepper: None,
        image: None,
    };
    let data = |fields: &[&str]| DataReport {
        items: fields.iter().map(|field| item(field)).collect(),
        unrequested: 0,
    };
    assert!(check(&LookAnswer {
        data: Some(data(&["A"])),
        ..answer()
    }));
    let offer = answer().offers.remove(0);
    let changes: [&dyn Fn(&mut LookAnswer); 11] = [
        &|answer| answer.links[0] = "a,b".to_owned(),
        &|answer| answer.links.push("B-2".to_owned()),
        &|answer| answer.links = (0..65).map(|number| format!("A{number}")).collect(),
        &|answer| answer.status = "two words".into(),
        &|answer| answer.status = "".into(),
        &|answer| answer.progress = Some("max@example.org".into()),
        &|answer| answer.offers[0].field = "B".to_owned(),
        &|answer| answer.offers[0].link = Pii::from(""),
        &|answer| answer.offers.push(offer.clone()),
        &|answer| answer.data = Some(data(&["B"])),
        &|answer| answer.data = Some(data(&["A", "A"])),
    ];
    for (change, number) in changes.iter().zip(0..) {
        let mut wrong = answer();
        change(&mut wrong);
        assert!(!check(&wrong), "{number}");
    }
}
