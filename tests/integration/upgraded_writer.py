"""The writer of the next release, as far as a test needs it: one that reads checked/2 and kpi_value/2, too."""

import sys

from catalog import topics

topics.CHECKED = topics.CHECKED._replace(schema="checked/2")
topics.KPIS = topics.KPIS._replace(schema="kpi_value/2")

from storage.__main__ import main  # noqa: E402 - what it imports takes the schemas from above

if __name__ == "__main__":
    sys.exit(main())
