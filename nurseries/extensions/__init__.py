"""Extensions: agents, the calls relayed to them, their events and remote methods."""
