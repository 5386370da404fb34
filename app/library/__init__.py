"""The models on this disk: found, watched, described, moved and checked; knows no Qt."""
