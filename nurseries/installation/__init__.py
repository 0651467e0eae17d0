"""Installing mrk as a service, taking over from Moonraker, and what keeps an installation well."""
