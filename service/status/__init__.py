"""What `status` looks at: the queues, the ledger, the invoices and the product's own chain; what needs a person."""
