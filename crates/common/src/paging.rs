//! Keyset paging: a page starts after the key of the last row of the one before, so rows that come or go in between
//! neither repeat nor hide others, and the thousandth page costs what the first does.

use crate::fault::Fault;
use crate::validate::{Fields, Rejection};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Rows on a page when the client does not say.
const DEFAULT_LIMIT: u32 = 50;
/// Rows on a page at most: keeps an answer within tens of kilobytes.
const MOST: u32 = 200;

/// 0001-01-01T00:00:00Z, in seconds since 1970.
const YEAR_ONE: i64 = -62_135_596_800;

/// `?limit=&cursor=`. Take it with `Query<PageQuery>`, or repeat its two fields beside filters.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct PageQuery {
    /// Rows wanted, 1 to 200; 50 when absent.
    #[serde(default)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// A page asked for: how many rows, after which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<K> {
    /// Rows wanted.
    pub limit: u32,
    /// Key of the last row of the page before.
    pub after: Option<K>,
}

impl PageQuery {
    /// Checks the limit and decodes the cursor into the key of this list.
    pub fn page<K: DeserializeOwned>(&self) -> Result<Page<K>, Fault> {
        let mut fields = Fields::new();
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MOST).contains(&limit) {
            fields.reject("?limit", Rejection::new("out_of_range", format!("must be 1 to {MOST}")));
        }
        let decode = |cursor: &String| {
            let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
            let key: serde_json::Value = serde_json::from_slice(&bytes).ok()?;
            if storable(&key) { serde_json::from_value(key).ok() } else { None }
        };
        let unknown = || Rejection::new("unknown_cursor", "must be the next_cursor of a page of this list");
        let after = self.cursor.as_ref().map(|cursor| decode(cursor).ok_or_else(unknown));
        let after = fields.take_optional("?cursor", after);
        let (after,) = fields.all((after,))?;
        Ok(Page { limit, after })
    }
}

/// Whether PostgreSQL could have given this key. A made-up one may hold what it cannot even compare with: a NUL, or an
/// instant or a date before its calendar begins.
fn storable(key: &serde_json::Value) -> bool {
    match key {
        serde_json::Value::String(text) => {
            let too_early = text.parse::<jiff::Timestamp>().is_ok_and(|at| at.as_second() < YEAR_ONE)
                || text.parse::<jiff::civil::Date>().is_ok_and(|date| date.year() < 1);
            !text.contains('\0') && !too_early
        }
        serde_json::Value::Array(parts) => parts.iter().all(storable),
        serde_json::Value::Object(parts) => parts.values().all(storable),
        _ => true,
    }
}

impl<K> Page<K> {
    /// Rows to fetch: one more than wanted tells whether there is another page.
    pub fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Paged<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Cursor of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl<T> Paged<T> {
    /// Makes a page of up to [`Page::fetch`] rows; `key` is what the list is ordered by.
    pub fn new<K: Serialize, Q>(mut rows: Vec<T>, page: &Page<Q>, key: impl Fn(&T) -> K) -> Result<Self, Fault> {
        let wanted = page.limit as usize;
        let more = rows.len() > wanted;
        rows.truncate(wanted);
        let next_cursor = match rows.last() {
            Some(last) if more => {
                let key = serde_json::to_vec(&key(last)).map_err(Fault::internal)?;
                Some(URL_SAFE_NO_PAD.encode(key))
            }
            _ => None,
        };
        Ok(Self { items: rows, next_cursor })
    }

    /// The same page of something else.
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> Paged<U> {
        Paged { items: self.items.into_iter().map(each).collect(), next_cursor: self.next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A list ordered by number, served from memory.
    fn serve(rows: &[u32], query: &PageQuery) -> Paged<u32> {
        let page = query.page::<u32>().unwrap();
        let fetched = rows.iter().copied().filter(|row| page.after.is_none_or(|after| *row > after));
        let fetched = fetched.take(usize::try_from(page.fetch()).unwrap()).collect();
        Paged::new(fetched, &page, |row| *row).unwrap()
    }

    proptest! {
        #[test]
        fn the_pages_make_up_the_list(mut rows in proptest::collection::vec(0_u32..10_000, 0..300), limit in 1_u32..=200) {
            rows.sort_unstable();
            rows.dedup();
            let mut seen = Vec::new();
            let mut query = PageQuery { limit: Some(limit), cursor: None };
            loop {
                let page = serve(&rows, &query);
                prop_assert!(page.items.len() <= limit as usize);
                seen.extend(page.items);
                match page.next_cursor {
                    Some(cursor) => query.cursor = Some(cursor),
                    None => break,
                }
            }
            prop_assert_eq!(seen, rows);
        }

        #[test]
        fn a_cursor_from_elsewhere_is_refused_not_believed(cursor in "\\PC{0,40}") {
            let query = PageQuery { limit: None, cursor: Some(cursor) };
            prop_assert!(matches!(query.page::<(jiff::Timestamp, uuid::Uuid)>(), Err(Fault::Invalid(_))));
        }
    }

    #[test]
    fn a_cursor_that_the_database_cannot_compare_with_is_refused() {
        let early = r#"["-009000-01-01T00:00:00Z","x"]"#;
        for key in [r#""a\u0000b""#, early, r#"["-009999-01-01","x"]"#, r#"{"date":"0000-12-31"}"#] {
            let query = PageQuery { limit: None, cursor: Some(URL_SAFE_NO_PAD.encode(key)) };
            assert!(matches!(query.page::<serde_json::Value>(), Err(Fault::Invalid(_))), "{key}");
        }
    }

    #[test]
    fn a_limit_out_of_range_is_named() {
        for limit in [0, 201] {
            let query = PageQuery { limit: Some(limit), cursor: None };
            assert!(matches!(query.page::<u32>(), Err(Fault::Invalid(errors)) if errors[0].pointer == "?limit"));
        }
    }
}
