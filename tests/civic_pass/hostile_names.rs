//! What a browser can bring back instead of a request's name, handed in over gRPC: each is refused,
//! nothing changes, and nobody is connected to.

use std::future::poll_fn;
use std::task::Poll;

use tokio::net::TcpListener;
use tonic::Code;
use verilane_api::v1::State;

use crate::harness::civic::{JWT, OAUTH, WALLET, create, hand_over, stage, start, until, widget};
use crate::harness::info;

/// Everything that leads to a host and a port which are not Civic's, in every spelling.
fn elsewhere(port: u16) -> Vec<String> {
    let hosts = [
        "0.0.0.0",
        "127.0.0.1",
        "127.1",
        "localhost",
        "2130706433",
        "0177.0.0.1",
        "0x7f.0.0.1",
        "0x7f000001",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::]",
        "127.0.0.1.",
        "user@127.0.0.1",
        "user:password@127.0.0.1",
    ];
    let schemes = ["http", "https"];
    let urls = |host: &str| schemes.map(|scheme| format!("{scheme}://{host}:{port}/a"));
    hosts.iter().flat_map(|host| urls(host)).collect()
}

/// What is wrong with a URL whose beginning, `base`, is right.
fn spelt_otherwise(base: &str) -> Vec<String> {
    let address = base.strip_prefix("http://").unwrap();
    let (authority, path) = address.split_once('/').unwrap();
    let (_, port) = authority.split_once(':').unwrap();
    let mut names = elsewhere(port.parse().unwrap());
    // In this one spelling the host is Civic's, and anything can be below it.
    names.retain(|name| !name.starts_with(&format!("http://{authority}/")));
    let rest = [
        "/../a",
        "/./a",
        "/%2e%2e/a",
        "/%2E%2E/a",
        "/.%2e/a",
        "/%2e/a",
        "/..%2fa",
        "/%252e%252e/a",
        "/a?b=c",
        "/a?",
        "/a#b",
        "/a#",
        "/a;b",
        "/a%00",
        "/a%0d%0aHost:%20evil.example",
        "/a\r\nHost: evil.example",
        "//evil.example/a",
        "/\\evil.example/a",
        "/a/",
        "/",
        "/a b",
        "/a.b",
        "/\u{430}",
        "/\u{ff0e}\u{ff0e}/a",
    ];
    names.extend(rest.map(|rest| format!("{base}{rest}")));
    names.extend([
        format!("HTTP://{address}/a"),
        format!("https://{address}/a"),
        format!("ftp://{address}/a"),
        format!("http:{address}/a"),
        format!("http:/{address}/a"),
        format!("http:///{address}/a"),
        format!("http:\\\\{authority}\\a"),
        format!("//{address}/a"),
        format!("http://me@{address}/a"),
        format!("http://me:pw@{address}/a"),
        format!("http://{authority}@evil.example/{path}/a"),
        format!("http://{authority}.evil.example/{path}/a"),
        format!(" {base}/a"),
        format!("{base}/a "),
        format!("{base}/{}/a", "x".repeat(2_000)),
    ]);
    names
}

fn no_names() -> Vec<String> {
    let plain = [
        "",
        " ",
        ".",
        "..",
        "a/b",
        "/a",
        "../status",
        "a/../b",
        "%2e%2e",
        "a%2Fb",
        "a b",
        "a\n",
        "a\r\nHost: evil.example",
        "\0",
        "a\u{200b}",
        "\u{430}bc",
        "\u{ff41}",
        "a?b",
        "a#b",
        "a@b",
        "a:b",
        "0.0.0.0",
        "127.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "//169.254.169.254/a",
        "http://169.254.169.254/latest/meta-data",
        "https://169.254.169.254/latest/meta-data",
        "http://2852039166/latest/meta-data",
        "http://[::ffff:169.254.169.254]/a",
        "https://0251.0376.0251.0376/a",
        "https://evil.example/a",
        "https://\u{430}pi.civic.com/a",
        "https://api\u{3002}civic.com/a",
        "https://xn--pi-6kc.civic.com/a",
        "file:///etc/passwd",
        "file://localhost/etc/passwd",
        "file:a",
        "data:text/plain,a",
        "javascript:alert(1)",
        "gopher://127.0.0.1/a",
        "unix:/run/verilane/admin.sock",
    ];
    let long = [129, 10_000, 1_000_000].map(|length| "x".repeat(length));
    plain.map(str::to_owned).into_iter().chain(long).collect()
}

/// Nobody should come here.
struct Trap(TcpListener);

impl Trap {
    async fn is_untouched(&self) -> bool {
        poll_fn(|context| Poll::Ready(self.0.poll_accept(context).is_pending())).await
    }
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_is_refused_and_nobody_is_connected_to() {
    let stage = stage("ready").await;
    let server = start(&stage);
    let traps = [
        Trap(TcpListener::bind("0.0.0.0:0").await.unwrap()),
        Trap(TcpListener::bind("[::1]:0").await.unwrap()),
    ];
    let civic = stage.sandbox.civic_pass();
    let partner = civic.partner();
    for (connection, base) in [(OAUTH, &partner.api_base), (JWT, &partner.verify_base)] {
        let created = create(&server, connection, WALLET).await;
        let calls = civic.calls(0, None).len();
        let log = server.log_of(&created.id).await;
        let mut names = no_names();
        names.extend(spelt_otherwise(base));
        for trap in &traps {
            names.extend(elsewhere(trap.0.local_addr().unwrap().port()));
        }
        assert!(names.len() > 150);
        for name in &names {
            let shown: String = name.chars().take(80).collect();
            let refused = hand_over(&server, &created.id, name).await;
            let refused = refused.expect_err(&shown);
            assert_eq!(refused.code(), Code::InvalidArgument, "{shown}");
            let reason = info(&refused).reason;
            assert_eq!(reason, "CONTINUATION_MALFORMED", "{shown}");
            // What was brought is not said again.
            assert!(name.len() < 8 || !refused.message().contains(name.as_str()));
        }
        assert_eq!(server.log_of(&created.id).await, log);
        assert_eq!(server.get(&created.id).await, created);
        assert_eq!(server.get(&created.id).await.state(), State::Pending);
        assert_eq!(civic.calls(0, None).len(), calls);
        for trap in &traps {
            assert!(trap.is_untouched().await);
        }
        assert!(!stage.logs().contains("169.254.169.254"));

        // It waits for the right one as before.
        let request = widget(&stage, connection == JWT);
        let brought = &request.presentation_request_id;
        hand_over(&server, &created.id, brought).await.unwrap();
        until(&server, &created.id, State::InReview).await;
        assert!(civic.calls(0, None).len() > calls);
    }
    stage.end().await;
}
