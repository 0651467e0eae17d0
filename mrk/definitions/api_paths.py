"""What paths of mrk itself begin with: no camera's and no front end's."""

# Of the API, and of what nginx passed on in front of Moonraker.
API_NAMES = frozenset(
    {
        "access",
        "api",
        "debug",
        "klippysocket",
        "machine",
        "metrics",
        "printer",
        "server",
        "websocket",
    }
)
# mrk's page.
PAGE_NAME = "mrk"
