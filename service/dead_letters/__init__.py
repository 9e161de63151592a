"""Dead letters: looked at, explained, sent again, removed for a reason."""
