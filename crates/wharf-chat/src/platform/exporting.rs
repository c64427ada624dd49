//! What is kept about an account, for its owner: in parts that fit their packet.

use super::{Guest, Reply, serve};
use crate::foyer::ChatFoyer;
use wharf_content::{FoyerBuilder, FoyerCx};
use wharf_data::keep::{self, Record};
use wharf_data::service::Call;
use wharf_data::{Ask, PageToken};
use wharf_proto::account::{Export, Exported};
use wharf_proto::session::{Code, Error};
use wharf_wire::Packet;

/// Records that are asked for at first; fewer, if they do not fit.
const RECORDS: u32 = 64;
/// Bytes of JSON that fit a packet beside the next page's token.
const JSON_BYTES: usize = 14_500;

/// The part of an export that a session waits for.
#[derive(Debug)]
pub(crate) struct Exporting {
    page: Option<PageToken>,
    records: u32,
}

/// Has the foyer serve exports.
pub(super) fn register(foyer: FoyerBuilder<'_, ChatFoyer>) -> FoyerBuilder<'_, ChatFoyer> {
    serve(foyer, export)
}

/// 1122.
fn export(_: &ChatFoyer, cx: &mut FoyerCx<'_>, request: Export) -> Reply<Exported> {
    if cx.data::<Guest>().exporting.is_some() {
        return Err(Error::new(Code::Conflict, "one part at a time"));
    }
    let page = Some(request.page).filter(|page| !page.is_empty());
    let exporting = Exporting {
        page: page.map(PageToken::received),
        records: RECORDS,
    };
    let number = cx.request().unwrap_or_default();
    let asked = ask(cx, number, &exporting);
    if asked.is_ok() {
        cx.data::<Guest>().exporting = Some(exporting);
    }
    asked.map(|()| None)
}

fn ask(cx: &mut FoyerCx<'_>, request: u32, exporting: &Exporting) -> Result<(), Error> {
    let account = super::talk::me(cx);
    let ask = keep::Ask::Export {
        account,
        page: exporting.page.clone(),
        limit: exporting.records,
    };
    let context = u64::from(request) << 16 | u64::from(Export::ID);
    cx.query(Call::Store(Ask::Keep(ask)), context).map_err(|_| {
        let text = "too many requests of this session have no answer yet";
        Error::new(Code::Busy, text).retry_after(core::time::Duration::from_millis(100))
    })
}

/// The store could not answer the request that `packet` is.
pub(super) fn failed(cx: &mut FoyerCx<'_>, packet: u16) {
    if packet == Export::ID {
        cx.data::<Guest>().exporting = None;
    }
}

/// The store has answered.
pub(super) fn give(
    cx: &mut FoyerCx<'_>,
    request: u32,
    records: Vec<Record>,
    next: Option<PageToken>,
) {
    let Some(exporting) = cx.data::<Guest>().exporting.take() else {
        return;
    };
    let lines: Vec<String> = records
        .iter()
        .map(|record| record.to_json() + "\n")
        .collect();
    let json_lines = lines.concat();
    if json_lines.len() <= JSON_BYTES {
        let next_page = next.map(|next| next.as_str().to_owned());
        return cx.reply_to(
            request,
            &Exported {
                json_lines,
                next_page: next_page.unwrap_or_default(),
            },
        );
    }
    let Some(fewer) = fewer(exporting.records) else {
        // No record that the store takes is so long.
        return cx.reply_to(request, &Error::new(Code::Internal, "a record is too long"));
    };
    let exporting = Exporting {
        records: fewer,
        ..exporting
    };
    match ask(cx, request, &exporting) {
        Ok(()) => cx.data::<Guest>().exporting = Some(exporting),
        Err(error) => cx.reply_to(request, &error),
    }
}

/// How many are asked for next, after so many did not fit.
fn fewer(records: u32) -> Option<u32> {
    (records > 1).then_some(records / 4).map(|few| few.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ever_fewer_records_are_asked_for_down_to_one() {
        let steps = core::iter::successors(Some(RECORDS), |records| fewer(*records));
        assert_eq!(steps.collect::<Vec<_>>(), [64, 16, 4, 1]);
    }
}
