"""The three servers, from installation to a clean stop."""
