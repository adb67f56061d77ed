"""Parts that several commands share: their options."""
