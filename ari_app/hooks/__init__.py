"""Telling the world what happened: from each call's own events into the feed, and out to those who want to know."""
