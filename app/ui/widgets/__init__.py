"""Small widgets that more than one page uses; they know no page."""
