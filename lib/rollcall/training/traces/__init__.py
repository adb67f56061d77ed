"""What training leaves behind beside logits: how each record's loss moved."""
