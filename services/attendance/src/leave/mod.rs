//! Leave: kinds of it, how it is earned, the ledger of what was earned and used, requests, and who is away.
//!
//! | file | what |
//! |---|---|
//! | `book` | the arithmetic of the ledger: what is left of which grant, what a use draws on. Pure |
//! | `accrual` | how much a policy gives, and where a leave year ends. Pure |
//! | `stretches` | which dates are earned by which policy, each once. Pure |
//! | `passage` | what time does: earning, the end of a year, expiry; what has happened and what will. Pure |
//! | `taking` | what may be taken for which day, and from what. Pure |
//! | `wish` | what may be asked for, and what each day of it costs. Pure |
//! | `overlap` | whether two requests take the same time. Pure |
//! | `rules` | what follows for a person, read and entered |
//! | `desk` | where somebody's leave is written to |
//! | `settle` | the job that lets time pass, and warns |
//! | `types`, `policies`, `ledger`, `requests`, `away` | decode, call, encode |
//! | `domain` | what a client may send |
//! | `store`, `entries`, `requests_store` | statements |
//!
//! An entry that gives (a grant, an accrual, what is carried over, a positive adjustment) is a source; whatever takes
//! from it or gives back to it names it. So what is left of each source is a sum as the balance is, and nothing is
//! ever taken from a source that has not got it. A use without a source is a debt: of a day to come, which then takes from
//! what there is, or of one that is over, which the next source pays.

pub(crate) mod accrual;
pub(crate) mod away;
pub(crate) mod book;
pub(crate) mod desk;
pub(crate) mod domain;
pub(crate) mod entries;
pub(crate) mod ledger;
pub(crate) mod overlap;
pub(crate) mod passage;
pub(crate) mod policies;
pub(crate) mod requests;
pub(crate) mod requests_store;
pub(crate) mod rules;
pub(crate) mod settle;
pub(crate) mod store;
pub(crate) mod stretches;
pub(crate) mod taking;
pub(crate) mod types;
pub(crate) mod wish;

#[cfg(test)]
mod properties;
