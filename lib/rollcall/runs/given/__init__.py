"""Files of somebody else's models, looked at before they are believed: scores, members, groups."""
