"""What `close-check` looks at before a month is closed."""
