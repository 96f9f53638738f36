"""What Kartotek measures of itself: `python -m bench`, or `make bench`."""
