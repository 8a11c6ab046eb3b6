"""The Spark jobs: thin callers of the domain."""
