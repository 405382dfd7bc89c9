"""A session as a document: its facts in, JSON, Markdown, plain text or captions out."""
