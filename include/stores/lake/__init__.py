"""The lake: Parquet by batch, manifests and cursors."""
