"""Rules for extensions (agents): what one of them may send, and how calls to it are judged."""
