"""What Kartotek does: plain functions over sessions, adapters and plain values."""
