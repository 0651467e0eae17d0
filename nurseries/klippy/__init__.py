"""The link to Klipper: connector, connection, set-up, and the face for everybody else."""
