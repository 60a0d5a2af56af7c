//! A transaction over several frames: all of it becomes visible in one step, or nothing.

use crate::batches::Batches;
use crate::layout::{NodePlan, Plan};
use crate::schema::SchemaRecords;
use arrow::datatypes::SchemaRef;
use shmframe_format::name::check_frame_name;
use shmframe_format::table::NodeItem;
use shmframe_format::{Describe, ErrorKind, Report, Result};
use shmframe_segment::{FrameDraft, Schema, Staging, Store, to_message};

#[derive(Debug)]
enum TransactionKind {
    NoBatches { frame: String },
    FrameMissing { frame: String, names: Vec<String> },
}

impl Describe for TransactionKind {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::NoBatches { .. } => ErrorKind::InvalidArgument,
            Self::FrameMissing { .. } => ErrorKind::FrameMissing,
        }
    }

    fn report(&self) -> Report {
        match self {
            Self::NoBatches { frame } => Report::new(
                format!("no batches for frame {frame:?}"),
                "at least one, which gives the schema",
                "none",
                "hand in an empty batch (RecordBatch::new_empty) for a frame without rows",
            ),
            Self::FrameMissing { frame, names } => Report::new(
                format!("no frame {frame:?}"),
                format!("one of {names:?}"),
                "another name",
                "check the name",
            ),
        }
    }
}

/// Changes to several frames that become visible in one version, or, when this is dropped, not at all.
pub struct Transaction<'w> {
    stage: Stage<'w>,
    schemas: &'w mut SchemaRecords,
    /// What `schemas` gets to know if the transaction is committed.
    learned: Vec<(String, Option<(SchemaRef, shmframe_format::table::RecordReference)>)>,
    threads: usize,
}

/// Where the changes stand until the commit.
#[allow(clippy::large_enum_variant, reason = "a transaction has one stage: a box costs more than the bytes")]
enum Stage<'w> {
    /// In the segment, under the lease.
    Segment(Staging<'w>),
    /// In private memory: writers take turns, and the lease is taken at the commit.
    Private(&'w mut Store, Vec<(String, Operation)>),
}

#[allow(clippy::large_enum_variant, reason = "puts are what there is: a box costs more than the bytes")]
enum Operation {
    /// With the message of the schema, unless that stood in the newest version when the frame was handed in.
    Put(SchemaRef, Plan, Option<Vec<u8>>),
    Remove,
}

impl std::fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transaction").finish_non_exhaustive()
    }
}

impl<'w> Transaction<'w> {
    pub(crate) fn begin(
        store: &'w mut Store,
        schemas: &'w mut SchemaRecords,
        threads: usize,
    ) -> Result<Self> {
        store.check_process()?;
        let stage = if store.takes_turns() {
            Stage::Private(store, Vec::new())
        } else {
            let staging = store.begin()?;
            schemas.under(staging.epoch());
            Stage::Segment(staging)
        };
        Ok(Self { stage, schemas, learned: Vec::new(), threads })
    }

    /// Puts a frame: creates it, or replaces it whole. All batches become one contiguous chunk, with one copy.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidName`], [`ErrorKind::SchemaMismatch`], [`ErrorKind::TypeNotSupported`],
    /// [`ErrorKind::CapacityExceeded`], [`ErrorKind::DirectoryFull`], [`ErrorKind::QuotaExceeded`]. The transaction is as it was before, and can
    /// go on.
    pub fn put<'b>(&mut self, frame: &str, batches: impl Into<Batches<'b>>) -> Result<()> {
        check_frame_name(frame)?;
        let Batches(batches) = batches.into();
        let first = batches.first().ok_or_else(|| TransactionKind::NoBatches { frame: frame.to_owned() })?;
        let schema = first.schema();
        let place = |error: shmframe_format::Error| error.at(format_args!("frame {frame:?}"));
        let plan = Plan::new(&schema, batches).map_err(place)?;
        let message = match self.schemas.find(frame, &schema) {
            Some(_) => None,
            None => Some(to_message(&schema).map_err(place)?),
        };
        self.apply(frame, Operation::Put(schema, plan, message))
    }

    /// Removes a frame.
    ///
    /// # Errors
    /// [`ErrorKind::FrameMissing`], with the names that exist; where writers take turns it comes from the commit.
    pub fn remove(&mut self, frame: &str) -> Result<()> {
        self.apply(frame, Operation::Remove)
    }

    fn apply(&mut self, frame: &str, operation: Operation) -> Result<()> {
        match &mut self.stage {
            Stage::Private(_, operations) => operations.push((frame.to_owned(), operation)),
            Stage::Segment(staging) => {
                let schemas = Schemas { published: self.schemas, learned: &mut self.learned };
                carry_out(staging, schemas, self.threads, frame, operation)?;
            }
        }
        Ok(())
    }

    /// Makes the transaction visible, all of it, and returns its version.
    ///
    /// # Errors
    /// [`ErrorKind::DirectoryFull`], [`ErrorKind::Superseded`], [`ErrorKind::WriterInChild`]; where writers take turns
    /// also [`ErrorKind::LeaseTaken`] and those of [`Transaction::remove`]. Nothing is then visible.
    pub fn commit(self) -> Result<u64> {
        let Self { stage, schemas, mut learned, threads } = self;
        let staging = match stage {
            Stage::Segment(staging) => staging,
            Stage::Private(store, operations) => {
                let mut staging = store.begin()?;
                let published = schemas.under(staging.epoch());
                for (frame, operation) in operations {
                    let schemas = Schemas { published, learned: &mut learned };
                    carry_out(&mut staging, schemas, threads, &frame, operation)?;
                }
                staging
            }
        };
        let version = staging.commit()?;
        for (frame, record) in learned {
            schemas.note(frame, record);
        }
        Ok(version)
    }
}

/// Where schemas stand: in the newest version, and in this transaction.
struct Schemas<'a> {
    published: &'a SchemaRecords,
    learned: &'a mut Vec<(String, Option<(SchemaRef, shmframe_format::table::RecordReference)>)>,
}

fn carry_out(
    staging: &mut Staging<'_>,
    schemas: Schemas<'_>,
    threads: usize,
    frame: &str,
    operation: Operation,
) -> Result<()> {
    let touched = schemas.learned.iter().any(|(name, _)| name == frame);
    match operation {
        Operation::Remove => {
            if !staging.remove_frame(frame)? {
                let names = staging.frame_names()?;
                return Err(TransactionKind::FrameMissing { frame: frame.to_owned(), names }.into());
            }
            schemas.learned.push((frame.to_owned(), None));
        }
        Operation::Put(schema, plan, message) => {
            let known = if touched { None } else { schemas.published.find(frame, &schema) };
            let place = |error: shmframe_format::Error| error.at(format_args!("frame {frame:?}"));
            let message = match (known, message) {
                (Some(_), _) => Vec::new(),
                (None, Some(message)) => message,
                (None, None) => to_message(&schema).map_err(place)?,
            };
            let draft = FrameDraft {
                name: frame,
                schema: known.map_or(Schema::Message(&message), Schema::Unchanged),
                rows: plan.rows(),
                nodes: plan.nodes().iter().map(node_item).collect(),
                buffer_lengths: plan.buffer_lengths().collect(),
            };
            let record = staging.put_frame(draft, |destinations| plan.fill(destinations, threads));
            let record = record.map_err(place)?;
            if known.is_none() {
                schemas.learned.push((frame.to_owned(), Some((schema, record))));
            }
        }
    }
    Ok(())
}

fn node_item(node: &NodePlan) -> NodeItem {
    NodeItem {
        length: node.length,
        nulls: node.null_count,
        buffers: node.buffer_count,
        children: node.child_count,
        validity: u32::from(node.has_validity),
        reserved: 0,
    }
}

shmframe_format::every_kind!(TransactionKind {
    NoBatches: TransactionKind::NoBatches { frame: "a".into() };
    FrameMissing: TransactionKind::FrameMissing { frame: "a".into(), names: vec!["b".into()] };
});
