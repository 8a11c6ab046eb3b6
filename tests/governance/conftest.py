"""The sealed lake of the pipeline's tests, for those of its audit."""

import pytest

from tests.pipeline.audited_bank import AuditedBank, copy_of, template


@pytest.fixture
def audited(tmp_path_factory, tmp_path) -> AuditedBank:
    """A lake with sealed batches, to be changed at will."""
    return copy_of(template(tmp_path_factory.getbasetemp() / "audited"), tmp_path / "audited")
