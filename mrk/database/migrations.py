"""All steps to today's schema: what the daemon runs, and what others know its database by."""

from mrk.database.schema import joined
from mrk.estimate.schema import ESTIMATE_MIGRATIONS
from mrk.jobs.schema import JOB_MIGRATIONS
from mrk.spool.schema import SPOOL_MIGRATIONS

# Beside those of the database itself.
MIGRATIONS = (*JOB_MIGRATIONS, *SPOOL_MIGRATIONS, *ESTIMATE_MIGRATIONS)
ALL_STEPS = joined(MIGRATIONS)
