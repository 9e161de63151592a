"""An independent judge of the books. It shares no code with the service: every rule is written down a second time."""
