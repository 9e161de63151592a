"""Who may do what: roles, privileges with their depth, business units, and what follows for a request."""
