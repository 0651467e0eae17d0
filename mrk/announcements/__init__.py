"""Rules for announcements: what a feed says, which entries there are, who dismissed them."""
