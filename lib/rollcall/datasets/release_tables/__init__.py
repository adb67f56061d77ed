"""Tables of one publisher's release, read for the dataset that has them."""
