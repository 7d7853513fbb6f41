"""What a probe of a rubric found, as JSON and as a page."""
