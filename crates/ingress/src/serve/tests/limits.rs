//! Sizes, rates and times.

use std::num::NonZeroU32;
use std::time::Duration;

use super::stage::{Stage, roomy, soon};
use crate::config::{IngressConfig, Rate};

const MOMENT: Duration = Duration::from_millis(20);

#[tokio::test]
async fn a_body_that_is_announced_too_large_is_refused_at_once() {
    let stage = Stage::start(IngressConfig {
        status_body_limit: 10,
        data_body_limit: 20,
        ..roomy()
    })
    .await;
    for (path, length, status) in [
        ("status", 10, 200),
        ("status", 11, 413),
        ("data", 20, 200),
        ("data", 21, 413),
        ("data", 1_u64 << 62, 413),
    ] {
        let mut client = stage.connect().await;
        client
            .head(path, &format!("content-length: {length}\r\n"))
            .await;
        if status == 200 {
            client
                .send(vec![b'x'; usize::try_from(length).unwrap()])
                .await;
        }
        let answer = client.answer().await.unwrap();
        assert_eq!(answer.status, status, "{path} {length}");
    }
    assert_eq!(stage.stop().await.1.len(), 2);
}

#[tokio::test]
async fn a_body_that_grows_too_large_is_refused_as_soon_as_it_has() {
    let stage = Stage::start(IngressConfig {
        status_body_limit: 10,
        ..roomy()
    })
    .await;
    let mut client = stage.connect().await;
    client
        .head("status", "transfer-encoding: chunked\r\n")
        .await;
    client.send("a\r\n0123456789\r\n").await;
    client.send("1\r\n0\r\n").await;
    let answer = client.answer().await.unwrap();
    assert_eq!(answer.status, 413);
    assert_eq!(answer.body, r#"{"reason":"CALLBACK_TOO_LARGE"}"#);
    assert_eq!(stage.stop().await.1, []);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let stage = Stage::start(IngressConfig {
        body_timeout: MOMENT,
        ..roomy()
    })
    .await;
    let mut client = stage.connect().await;
    client.head("status", "content-length: 5\r\n").await;
    client.send("firs").await;
    let answer = client.answer().await.unwrap();
    assert_eq!(answer.status, 408);
    assert_eq!(answer.body, r#"{"reason":"CALLBACK_TOO_SLOW"}"#);
    assert_eq!(stage.stop().await.1, []);
}

#[tokio::test]
async fn an_engine_that_does_not_answer_is_not_waited_for() {
    let mut stage = Stage::start(IngressConfig {
        engine_timeout: MOMENT,
        ..roomy()
    })
    .await;
    for (path, body) in [("stuck", ""), ("status", "hold")] {
        let answer = stage.post(path, body).await;
        assert_eq!(answer.status, 503);
        assert_eq!(answer.body, r#"{"reason":"CALLBACK_STORE_UNAVAILABLE"}"#);
    }
    assert_eq!(stage.message().await.body, "hold");
}

#[tokio::test]
async fn when_too_much_is_in_flight_the_next_is_sent_away_and_comes_again() {
    let mut stage = Stage::start(IngressConfig {
        bytes_in_flight: 100_000,
        ..roomy()
    })
    .await;
    let large = format!("hold{}", "x".repeat(59_996));
    let mut first = stage.connect().await;
    first.post("status", &large).await;
    assert_eq!(stage.message().await.body.len(), 60_000);

    let refused = stage.post("status", &"x".repeat(60_000)).await;
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("retry-after"), Some("5"));
    assert_eq!(refused.body, r#"{"reason":"CALLBACK_OVERLOAD"}"#);
    assert_eq!(stage.post("status", "small").await.status, 200);

    stage.release();
    assert_eq!(first.answer().await.unwrap().status, 200);
    assert_eq!(stage.post("status", &"x".repeat(60_000)).await.status, 200);
}

#[tokio::test]
async fn a_connection_that_calls_too_fast_is_held_back_and_others_are_not() {
    let stage = Stage::start(IngressConfig {
        rate_per_connection: Rate {
            // Slower than any client that waits for its answers.
            per_second: NonZeroU32::MIN,
            burst: NonZeroU32::new(30).unwrap(),
        },
        ..roomy()
    })
    .await;
    let mut client = stage.connect().await;
    let mut passed = 0;
    let refused = soon(async {
        loop {
            client.post("status-of-fast", "x").await;
            let answer = client.answer().await.unwrap();
            match answer.status {
                200 => passed += 1,
                _ => break answer,
            }
        }
    })
    .await;
    assert!(passed >= 30, "{passed}");
    assert_eq!(refused.status, 429);
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(refused.body, r#"{"reason":"CALLBACK_RATE_LIMITED"}"#);
    assert_eq!(stage.post("status-of-other", "x").await.status, 200);
}
