//! Parquet, where it was asked for when the program was installed.

#[cfg(not(feature = "parquet"))]
mod disabled;
#[cfg(feature = "parquet")]
mod enabled;

#[cfg(not(feature = "parquet"))]
pub use disabled::ParquetWriter;
#[cfg(feature = "parquet")]
pub use enabled::ParquetWriter;
