//! The table of `docs/claims.md`, read as its readers see it.

use std::path::Path;

/// How many columns stand before those of the providers.
const COMMON: usize = 4;

/// The table of the vocabulary.
pub struct Page {
    /// The providers that have a column, as the head of the table names them.
    pub providers: Vec<String>,
    pub rows: Vec<Row>,
}

/// What the table says of a claim.
pub struct Row {
    pub claim: String,
    /// What type of value it has.
    pub value: String,
    /// Where it stands in OpenID Identity Assurance; none if it has no place there.
    pub place: Option<String>,
    /// What each provider calls it, in the order of the columns.
    pub fields: Vec<Vec<String>>,
}

/// What stands between backticks.
fn code(cell: &str) -> Vec<String> {
    let parts = cell.split('`').skip(1).step_by(2);
    parts.map(str::to_owned).collect()
}

impl Page {
    pub fn read() -> Self {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/claims.md");
        let page = std::fs::read_to_string(page).unwrap();
        let cells = |line: &str| -> Vec<String> {
            let inner = line.trim().trim_matches('|');
            inner
                .split('|')
                .map(|cell| cell.trim().to_owned())
                .collect()
        };
        let mut lines = page
            .lines()
            .skip_while(|line| !line.starts_with("| claim |"));
        let head = cells(lines.next().unwrap());
        let providers: Vec<String> = head[COMMON..].iter().flat_map(|cell| code(cell)).collect();
        assert_eq!(
            providers.len(),
            head.len() - COMMON,
            "a column names its provider"
        );
        let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
        let rows = rows.map(|line| {
            let cells = cells(line);
            assert_eq!(cells.len(), head.len(), "{line}");
            Row {
                claim: code(&cells[0]).remove(0),
                value: cells[1].clone(),
                place: code(&cells[3]).into_iter().next(),
                fields: cells[COMMON..].iter().map(|cell| code(cell)).collect(),
            }
        });
        Self {
            rows: rows.collect(),
            providers,
        }
    }

    pub fn row(&self, claim: &str) -> &Row {
        self.rows.iter().find(|row| row.claim == claim).unwrap()
    }
}
