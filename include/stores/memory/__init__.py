"""In-memory stores: the reference implementation of every port."""
