"""MPA-FER: expressions by prompts of a frozen image-text model, in words and in patches."""
