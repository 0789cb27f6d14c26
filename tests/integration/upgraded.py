"""The worker of the next release, as far as a test needs it: one that reads readings/2, too."""

import sys

from catalog import topics

topics.READINGS = topics.READINGS._replace(schema="readings/2")

from stream.__main__ import main  # noqa: E402 - what it imports takes the schema from above

if __name__ == "__main__":
    sys.exit(main())
