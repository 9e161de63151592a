"""The security roles this service comes with: what each may do and why, shown and brought into an environment."""
