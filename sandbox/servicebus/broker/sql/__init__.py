"""The SQL that rules of subscriptions are written in: filters and actions (Microsoft's "Subscription Rule SQL")."""
