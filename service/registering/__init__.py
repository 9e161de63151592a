"""Makes an environment ready, and takes it back: what is to be there, what is, the difference, and carrying it out."""
