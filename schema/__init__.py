"""What a client sees: the GraphQL types, and fields as thin as they can be."""
