"""The service protection limits, and what operations cost on a clock that can be moved."""
