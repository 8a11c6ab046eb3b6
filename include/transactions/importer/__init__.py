"""Historical import: CSV, JSON Lines and Parquet files, by a YAML mapping, in bounded chunks.

===============  ============================================================================
``mapping``      the YAML mapping as checked records
``reader``       a file as chunks of text columns with row numbers
``columns``      text column → contract column, with the rows that do not fit
``pseudonyms``   keyed pseudonyms of accounts and customers
``importing``    puts these together: ``import_file``
``__main__``     ``python -m include.transactions.importer FILE --mapping M ...``
===============  ============================================================================

Rows that do not fit are reported with file, row and every reason, and counted; they never stop an import.
"""

from include.transactions.importer.importing import ImportedChunk, Refusal, import_file
from include.transactions.importer.mapping import Mapping, load_mapping
from include.transactions.importer.pseudonyms import Pseudonyms, read_key

__all__ = ["ImportedChunk", "Mapping", "Pseudonyms", "Refusal", "import_file", "load_mapping", "read_key"]
