"""Expressions of learners as a vision-language model names them: prompts, parser, audit."""
