//! Lists: what narrows them, and how their pages hang together.

use verilane_core::{Pii, ProviderName, Reason, State, VerificationId};
use verilane_engine::{CreateVerification, ListVerifications};

use crate::stage::{self, Play, SECOND, START, Stage, connection, request};

fn all() -> ListVerifications {
    ListVerifications {
        page_size: 100,
        ..ListVerifications::default()
    }
}

async fn ids(play: &Play, list: &ListVerifications) -> Vec<VerificationId> {
    let (page, next) = play.engine.list(list).await.unwrap();
    assert_eq!(next, None);
    page.into_iter().map(|view| view.row.id).collect()
}

async fn create(play: &Play, request: CreateVerification) -> VerificationId {
    play.engine.create(request).await.unwrap().row.id
}

fn label(key: &str, value: &str) -> (String, Pii<String>) {
    (key.to_owned(), Pii::from(value))
}

#[tokio::test]
async fn the_newest_comes_first() {
    let stage = Stage::new();
    let play = stage.open().await;
    let mut made = Vec::new();
    for user in 0..5 {
        made.push(create(&play, request(&format!("user {user}"))).await);
        stage.clock.advance(SECOND);
    }
    made.reverse();
    assert_eq!(ids(&play, &all()).await, made);
}

#[tokio::test]
async fn each_filter_finds_its_own() {
    let stage = Stage::new();
    let play = stage.open().await;
    let ada = CreateVerification {
        subject_ref: Some(Pii::from("4711")),
        labels: vec![label("branch", "north"), label("team", "a")],
        ..request("Ada")
    };
    let ada = create(&play, ada).await;
    stage.clock.advance(SECOND);
    let grace = CreateVerification {
        subject_ref: Some(Pii::from("4712")),
        labels: vec![label("branch", "north"), label("team", "b")],
        ..request("Grace")
    };
    let grace = create(&play, grace).await;
    stage.puppet.last_start().succeed(&play.engine).await;

    let table: Vec<(ListVerifications, Vec<VerificationId>)> = vec![
        (all(), vec![grace, ada]),
        (
            ListVerifications {
                subject: Some(Pii::from("ada")),
                ..all()
            },
            vec![ada],
        ),
        (
            ListVerifications {
                subject: Some(Pii::from("eve")),
                ..all()
            },
            vec![],
        ),
        (
            ListVerifications {
                subject_ref: Some(Pii::from("4712")),
                ..all()
            },
            vec![grace],
        ),
        (
            ListVerifications {
                subject_ref: Some(Pii::from("471")),
                ..all()
            },
            vec![],
        ),
        (
            ListVerifications {
                labels: vec![label("branch", "north")],
                ..all()
            },
            vec![grace, ada],
        ),
        (
            ListVerifications {
                labels: vec![label("branch", "north"), label("team", "a")],
                ..all()
            },
            vec![ada],
        ),
        (
            ListVerifications {
                labels: vec![label("team", "north")],
                ..all()
            },
            vec![],
        ),
        (
            ListVerifications {
                subject: Some(Pii::from("ada")),
                subject_ref: Some(Pii::from("4712")),
                ..all()
            },
            vec![],
        ),
        (
            ListVerifications {
                states: vec![State::Verified],
                ..all()
            },
            vec![grace],
        ),
        (
            ListVerifications {
                states: vec![State::Verified, State::Pending],
                ..all()
            },
            vec![grace, ada],
        ),
        (
            ListVerifications {
                states: vec![State::Failed],
                ..all()
            },
            vec![],
        ),
        (
            ListVerifications {
                connections: vec![connection()],
                ..all()
            },
            vec![grace, ada],
        ),
        (
            ListVerifications {
                providers: vec![ProviderName::new("other").unwrap()],
                ..all()
            },
            vec![],
        ),
        (
            ListVerifications {
                created_from: Some(START + SECOND),
                ..all()
            },
            vec![grace],
        ),
        (
            ListVerifications {
                created_before: Some(START + SECOND),
                ..all()
            },
            vec![ada],
        ),
    ];
    for (list, expected) in table {
        assert_eq!(ids(&play, &list).await, expected, "{list:?}");
    }
}

#[tokio::test]
async fn what_a_caller_gave_is_read_back_in_clear() {
    let stage = Stage::new();
    let play = stage.open().await;
    let create = CreateVerification {
        subject_ref: Some(Pii::from("4711")),
        labels: vec![label("branch", "north"), label("team", "")],
        ..request("ada")
    };
    play.engine.create(create).await.unwrap();
    let (page, _) = play.engine.list(&all()).await.unwrap();
    let view = &page[0];
    assert_eq!(view.subject_ref.as_ref().unwrap().expose(), "4711");
    let labels: Vec<_> = view
        .labels
        .iter()
        .map(|(k, v)| (k.as_str(), v.expose().as_str()))
        .collect();
    assert_eq!(labels, [("branch", "north"), ("team", "")]);
    assert_eq!(view.purpose.expose(), stage::access().purpose.expose());
}

#[tokio::test]
async fn pages_of_any_size_give_everything_once_whatever_is_created_meanwhile() {
    let stage = Stage::new();
    let play = stage.open().await;
    for user in 0..7 {
        create(&play, request(&format!("user {user}"))).await;
        // Some share their time of creation.
        if user % 3 == 0 {
            stage.clock.advance(SECOND);
        }
    }
    for size in 1..=8 {
        let expected = ids(&play, &all()).await;
        let mut got = Vec::new();
        let mut list = ListVerifications {
            page_size: size,
            ..all()
        };
        loop {
            let (page, next) = play.engine.list(&list).await.unwrap();
            assert!(page.len() <= size as usize);
            got.extend(page.into_iter().map(|view| view.row.id));
            stage.clock.advance(SECOND);
            create(&play, request(&format!("newcomer {size} {}", got.len()))).await;
            match next {
                Some(token) => list.page_token = Some(token),
                None => break,
            }
        }
        assert_eq!(got, expected, "pages of {size}");
    }
}

#[tokio::test]
async fn a_page_token_is_good_under_its_own_filter_only() {
    let stage = Stage::new();
    let play = stage.open().await;
    for user in 0..3 {
        create(&play, request(&format!("user {user}"))).await;
    }
    let list = ListVerifications {
        states: vec![State::Pending, State::Verified],
        page_size: 1,
        ..all()
    };
    let (_, token) = play.engine.list(&list).await.unwrap();
    // The same filter said in another way, and another size of pages.
    let same = ListVerifications {
        states: vec![State::Verified, State::Pending, State::Pending],
        page_size: 50,
        page_token: token.clone(),
        ..all()
    };
    assert_eq!(play.engine.list(&same).await.unwrap().0.len(), 2);
    let others = [
        ListVerifications {
            states: vec![State::Pending],
            ..all()
        },
        ListVerifications {
            subject: Some(Pii::from("user 1")),
            ..same.clone()
        },
        ListVerifications {
            labels: vec![label("a", "b")],
            ..same.clone()
        },
        ListVerifications {
            created_from: Some(START),
            ..same.clone()
        },
        ListVerifications {
            created_before: Some(START),
            ..same.clone()
        },
    ];
    for other in others {
        let other = ListVerifications {
            page_token: token.clone(),
            ..other
        };
        let error = play.engine.list(&other).await.unwrap_err();
        assert_eq!(error.reason, Reason::PageTokenMalformed);
        assert_eq!(error.violations[0].field, "page_token");
    }
    for wrong in ["", "x", "AAAA"] {
        let wrong = ListVerifications {
            page_token: Some(wrong.to_owned()),
            ..same.clone()
        };
        let error = play.engine.list(&wrong).await.unwrap_err();
        assert_eq!(error.reason, Reason::PageTokenMalformed);
    }
}

#[tokio::test]
async fn the_connections_are_listed_with_what_they_can_do() {
    let stage = Stage::new();
    let play = stage.open().await;
    let connections = play.engine.list_connections();
    assert_eq!(connections.len(), 1);
    assert_eq!(connections[0].name, connection());
    assert_eq!(connections[0].profile.claims.len(), 6);
}
