"""What `init` does: it asks an environment what it is, proposes settings, and writes them down."""
