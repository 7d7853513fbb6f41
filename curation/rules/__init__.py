"""The filter rules as tables of thresholds."""
