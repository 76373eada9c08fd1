"""Near-infrared against visible faces under attack: an audit of a matcher, per instrument."""
