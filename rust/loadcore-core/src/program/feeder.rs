//! A feeder's rows, loaded once for all scenarios that use them.

use crate::feeder::{Dealer, FeederProblem, Table, load};
use crate::plan;
use crate::schedule::Share;

/// A feeder ready to deal.
#[derive(Debug)]
pub(crate) struct FeederProgram {
    pub(crate) feeder: plan::Feeder,
    pub(crate) table: Table,
}

impl FeederProgram {
    pub(super) fn load(feeder: &plan::Feeder) -> Result<Self, FeederProblem> {
        let table = load(&feeder.source)?;
        // The rows are in the table now.
        let columns = table.columns().to_vec();
        let source = plan::Source::Rows { columns, rows: Vec::new() };
        Ok(Self { feeder: plan::Feeder { source, ..feeder.clone() }, table })
    }

    pub(crate) fn dealer(&self, share: Share, seed: u64) -> Dealer {
        Dealer::new(&self.feeder, &self.table, share, seed)
    }
}
