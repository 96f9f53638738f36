"""Tables, constraints and connections: everything that is about columns."""
