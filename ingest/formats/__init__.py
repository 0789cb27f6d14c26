"""One file per payload format; `ingest.format.formats()` finds them."""
