"""What `check` looks at: settings, sign-in, tables, rights, queues and clocks, each with its remedy."""
