//! Countries by both codes of ISO 3166-1.
//!
//! The table is the whole of the standard's officially assigned codes, and nothing else: codes that
//! are merely reserved or used elsewhere (`UK`, a passport's `D` or `XXA`) name no country here. It
//! stands here since it is 249 pairs that change once in years, and a crate for it would bring
//! names, subdivisions and hash tables along. A country can be had from the table alone, so both
//! codes always belong together.

use zeroize::Zeroize;

/// A country. Which one it is may be personal data, so it can't be printed; keep it in a
/// [`Pii`](crate::Pii).
#[derive(Clone, Copy)]
pub struct Country {
    alpha2: &'static str,
    alpha3: &'static str,
}

impl Country {
    /// The country of this alpha-2 or alpha-3 code, in upper or lower case.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        COUNTRIES
            .iter()
            .find(|(alpha2, alpha3)| {
                code.eq_ignore_ascii_case(alpha2) || code.eq_ignore_ascii_case(alpha3)
            })
            .map(|&(alpha2, alpha3)| Self { alpha2, alpha3 })
    }

    /// Two upper-case letters, such as `GB`.
    #[must_use]
    pub const fn alpha2(&self) -> &'static str {
        self.alpha2
    }

    /// Three upper-case letters, such as `GBR`.
    #[must_use]
    pub const fn alpha3(&self) -> &'static str {
        self.alpha3
    }
}

impl Zeroize for Country {
    fn zeroize(&mut self) {
        self.alpha2 = "";
        self.alpha3 = "";
    }
}

/// Alpha-2 and alpha-3 codes, in the order of the former.
#[rustfmt::skip]
static COUNTRIES: [(&str, &str); 249] = [
    ("AD", "AND"), ("AE", "ARE"), ("AF", "AFG"), ("AG", "ATG"), ("AI", "AIA"), ("AL", "ALB"),
    ("AM", "ARM"), ("AO", "AGO"), ("AQ", "ATA"), ("AR", "ARG"), ("AS", "ASM"), ("AT", "AUT"),
    ("AU", "AUS"), ("AW", "ABW"), ("AX", "ALA"), ("AZ", "AZE"), ("BA", "BIH"), ("BB", "BRB"),
    ("BD", "BGD"), ("BE", "BEL"), ("BF", "BFA"), ("BG", "BGR"), ("BH", "BHR"), ("BI", "BDI"),
    ("BJ", "BEN"), ("BL", "BLM"), ("BM", "BMU"), ("BN", "BRN"), ("BO", "BOL"), ("BQ", "BES"),
    ("BR", "BRA"), ("BS", "BHS"), ("BT", "BTN"), ("BV", "BVT"), ("BW", "BWA"), ("BY", "BLR"),
    ("BZ", "BLZ"), ("CA", "CAN"), ("CC", "CCK"), ("CD", "COD"), ("CF", "CAF"), ("CG", "COG"),
    ("CH", "CHE"), ("CI", "CIV"), ("CK", "COK"), ("CL", "CHL"), ("CM", "CMR"), ("CN", "CHN"),
    ("CO", "COL"), ("CR", "CRI"), ("CU", "CUB"), ("CV", "CPV"), ("CW", "CUW"), ("CX", "CXR"),
    ("CY", "CYP"), ("CZ", "CZE"), ("DE", "DEU"), ("DJ", "DJI"), ("DK", "DNK"), ("DM", "DMA"),
    ("DO", "DOM"), ("DZ", "DZA"), ("EC", "ECU"), ("EE", "EST"), ("EG", "EGY"), ("EH", "ESH"),
    ("ER", "ERI"), ("ES", "ESP"), ("ET", "ETH"), ("FI", "FIN"), ("FJ", "FJI"), ("FK", "FLK"),
    ("FM", "FSM"), ("FO", "FRO"), ("FR", "FRA"), ("GA", "GAB"), ("GB", "GBR"), ("GD", "GRD"),
    ("GE", "GEO"), ("GF", "GUF"), ("GG", "GGY"), ("GH", "GHA"), ("GI", "GIB"), ("GL", "GRL"),
    ("GM", "GMB"), ("GN", "GIN"), ("GP", "GLP"), ("GQ", "GNQ"), ("GR", "GRC"), ("GS", "SGS"),
    ("GT", "GTM"), ("GU", "GUM"), ("GW", "GNB"), ("GY", "GUY"), ("HK", "HKG"), ("HM", "HMD"),
    ("HN", "HND"), ("HR", "HRV"), ("HT", "HTI"), ("HU", "HUN"), ("ID", "IDN"), ("IE", "IRL"),
    ("IL", "ISR"), ("IM", "IMN"), ("IN", "IND"), ("IO", "IOT"), ("IQ", "IRQ"), ("IR", "IRN"),
    ("IS", "ISL"), ("IT", "ITA"), ("JE", "JEY"), ("JM", "JAM"), ("JO", "JOR"), ("JP", "JPN"),
    ("KE", "KEN"), ("KG", "KGZ"), ("KH", "KHM"), ("KI", "KIR"), ("KM", "COM"), ("KN", "KNA"),
    ("KP", "PRK"), ("KR", "KOR"), ("KW", "KWT"), ("KY", "CYM"), ("KZ", "KAZ"), ("LA", "LAO"),
    ("LB", "LBN"), ("LC", "LCA"), ("LI", "LIE"), ("LK", "LKA"), ("LR", "LBR"), ("LS", "LSO"),
    ("LT", "LTU"), ("LU", "LUX"), ("LV", "LVA"), ("LY", "LBY"), ("MA", "MAR"), ("MC", "MCO"),
    ("MD", "MDA"), ("ME", "MNE"), ("MF", "MAF"), ("MG", "MDG"), ("MH", "MHL"), ("MK", "MKD"),
    ("ML", "MLI"), ("MM", "MMR"), ("MN", "MNG"), ("MO", "MAC"), ("MP", "MNP"), ("MQ", "MTQ"),
    ("MR", "MRT"), ("MS", "MSR"), ("MT", "MLT"), ("MU", "MUS"), ("MV", "MDV"), ("MW", "MWI"),
    ("MX", "MEX"), ("MY", "MYS"), ("MZ", "MOZ"), ("NA", "NAM"), ("NC", "NCL"), ("NE", "NER"),
    ("NF", "NFK"), ("NG", "NGA"), ("NI", "NIC"), ("NL", "NLD"), ("NO", "NOR"), ("NP", "NPL"),
    ("NR", "NRU"), ("NU", "NIU"), ("NZ", "NZL"), ("OM", "OMN"), ("PA", "PAN"), ("PE", "PER"),
    ("PF", "PYF"), ("PG", "PNG"), ("PH", "PHL"), ("PK", "PAK"), ("PL", "POL"), ("PM", "SPM"),
    ("PN", "PCN"), ("PR", "PRI"), ("PS", "PSE"), ("PT", "PRT"), ("PW", "PLW"), ("PY", "PRY"),
    ("QA", "QAT"), ("RE", "REU"), ("RO", "ROU"), ("RS", "SRB"), ("RU", "RUS"), ("RW", "RWA"),
    ("SA", "SAU"), ("SB", "SLB"), ("SC", "SYC"), ("SD", "SDN"), ("SE", "SWE"), ("SG", "SGP"),
    ("SH", "SHN"), ("SI", "SVN"), ("SJ", "SJM"), ("SK", "SVK"), ("SL", "SLE"), ("SM", "SMR"),
    ("SN", "SEN"), ("SO", "SOM"), ("SR", "SUR"), ("SS", "SSD"), ("ST", "STP"), ("SV", "SLV"),
    ("SX", "SXM"), ("SY", "SYR"), ("SZ", "SWZ"), ("TC", "TCA"), ("TD", "TCD"), ("TF", "ATF"),
    ("TG", "TGO"), ("TH", "THA"), ("TJ", "TJK"), ("TK", "TKL"), ("TL", "TLS"), ("TM", "TKM"),
    ("TN", "TUN"), ("TO", "TON"), ("TR", "TUR"), ("TT", "TTO"), ("TV", "TUV"), ("TW", "TWN"),
    ("TZ", "TZA"), ("UA", "UKR"), ("UG", "UGA"), ("UM", "UMI"), ("US", "USA"), ("UY", "URY"),
    ("UZ", "UZB"), ("VA", "VAT"), ("VC", "VCT"), ("VE", "VEN"), ("VG", "VGB"), ("VI", "VIR"),
    ("VN", "VNM"), ("VU", "VUT"), ("WF", "WLF"), ("WS", "WSM"), ("YE", "YEM"), ("YT", "MYT"),
    ("ZA", "ZAF"), ("ZM", "ZMB"), ("ZW", "ZWE"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn codes(code: &str) -> Option<(&'static str, &'static str)> {
        Country::from_code(code).map(|c| (c.alpha2(), c.alpha3()))
    }

    #[test]
    fn every_code_is_one_countrys_own_and_well_formed() {
        let upper = |code: &str, len| {
            code.len() == len && code.bytes().all(|letter| letter.is_ascii_uppercase())
        };
        let mut seen = BTreeSet::new();
        for (alpha2, alpha3) in COUNTRIES {
            assert!(upper(alpha2, 2) && upper(alpha3, 3), "{alpha2} {alpha3}");
            assert!(
                seen.insert(alpha2) && seen.insert(alpha3),
                "{alpha2} {alpha3}"
            );
        }
        assert!(COUNTRIES.is_sorted());
    }

    #[test]
    fn either_code_in_any_case_finds_both() {
        for pair in COUNTRIES {
            for code in [pair.0, pair.1] {
                assert_eq!(codes(code), Some(pair));
                assert_eq!(codes(&code.to_ascii_lowercase()), Some(pair));
            }
        }
        assert_eq!(codes("gBr"), Some(("GB", "GBR")));
    }

    #[test]
    fn the_pairs_that_are_easily_mistaken_are_right() {
        // Where a code guessed from the name, or from the other code, would be wrong.
        for pair in [
            ("DE", "DEU"),
            ("CH", "CHE"),
            ("CN", "CHN"),
            ("AT", "AUT"),
            ("AU", "AUS"),
            ("SE", "SWE"),
            ("SV", "SLV"),
            ("SK", "SVK"),
            ("SI", "SVN"),
            ("RS", "SRB"),
            ("ME", "MNE"),
            ("UA", "UKR"),
            ("KR", "KOR"),
            ("KP", "PRK"),
            ("CD", "COD"),
            ("CG", "COG"),
            ("SS", "SSD"),
            ("TL", "TLS"),
        ] {
            assert_eq!(codes(pair.0), Some(pair));
            assert_eq!(codes(pair.1), Some(pair));
        }
    }

    #[test]
    fn what_the_standard_has_not_assigned_is_no_country() {
        for code in [
            "", "D", "UK", "EU", "EL", "XK", "XKX", "XXA", "UTO", "ZZ", "ZZZ", "USSR", "G B",
            "GBR ", "ＧＢ", "826",
        ] {
            assert_eq!(codes(code), None, "{code}");
        }
    }
}
